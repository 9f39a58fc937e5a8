"""What a run comes to: one object with the verdict, what became of captions, and which promises were kept. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from soak.faults.catalogue import FAULTS, NONE, chosen
from soak.faults.promises import OTHERS_CALM, OTHERS_FAULT, Kept, not_struck, together, with_others
from soak.verdict.findings import Outcome
from soak.verdict.leaks import judge
from soak.verdict.sample import METRICS, Sample
from soak.world.percentile import percentile
from soak.world.profile import Profile

from .journal import Story
from .options import Options

IN_DOUBT: Final = 0.05  # of the reconnects, so many may bring a caption again
MOST_TREE_MB: Final = 2000.0
MOST_UNSENT: Final = 0.01  # as a share: of those who have just come, and talk before anybody can hear them
CAPTIONS: Final = "captions"
SOAK: Final = "soak"
MEGABYTE_KB: Final = 1e6 / 1024
RAW: Final = frozenset({OTHERS_CALM, OTHERS_FAULT})  # of a strike; what comes of it is told
NEWEST: Final = ("final_ms_p50", "final_ms_p95")  # not to be added up
PASSED, BROKEN, CONFIGURATION, UNKNOWN = 0, 1, 2, 3  # exit statuses
NOT_ASKED: Final = "This profile does not ask whether memory is flat."


def result(options: Options, story: Story) -> dict[str, Any]:
    """The last line of `--json`, and what the page is made of."""
    profile = options.profile
    verdict = judge(story.samples, slack=profile.slack).as_json()
    if not profile.trend and not _is_sure(verdict):
        verdict |= {"verdict": str(Outcome.UNKNOWN), "reasons": [NOT_ASKED]}
    counts = _added(story.tallies)
    last = story.samples[-1] if story.samples else None
    peak_mb = _peak_mb(story.samples)
    faults = [Kept(**{name: each[name] for name in ("fault", "promise", "measured", "kept")}) for each in story.faults]
    waits = [ms for each in story.faults if each.get("recovers", True) for ms in each["recovery_ms"]]
    recoveries = [ms for ms in waits if ms is not None]
    faults += _never_struck(options, faults)
    promises = [*_promises(options, story, counts, last, peak_mb), *_of_faults(story, together(faults))]
    broken = [each for each in promises if each.kept is False]
    leaks = verdict["verdict"] == str(Outcome.LEAK)
    status = BROKEN if broken or leaks else UNKNOWN if _is_open(verdict["verdict"], promises, profile) else PASSED
    return {
        **verdict,
        "status": status,
        "flat_below_kb_per_subscription": METRICS["rss_kb"].per_join * profile.slack,
        "profile": profile.name,
        "command": options.command,
        "seconds": round(last.at_s) if last else 0,
        "rooms": profile.rooms,
        "speakers": profile.speakers,
        "talking": profile.talking,
        "recogniser": _recogniser(options),
        "signaling": "HPB and Janus" if options.real_stack else "embedded",
        "heap_traced": any("heap_kb" in each.values for each in story.samples),
        "legs": story.legs,
        "interrupted": bool(_newest(story.tallies).get("interrupted")),  # what was resumed, and ended, was not
        "subscriptions": last.joins if last else 0,
        "reconnects": last.reconnects if last else 0,
        "utterances": last.utterances if last else 0,
        "captions_expected": counts["expected"],
        "captions_received": counts["received"],
        "captions_marked": counts["marked"],
        "captions_not_expected": counts.get("unsent", 0),  # of what was said and reached nobody
        "silent_losses": counts["silent"],
        "repeats": counts["repeated"],
        "repeats_after_cuts": counts.get("repeated_after_cut", 0),
        "final_ms_p50": counts["final_ms_p50"],
        "final_ms_p95": counts["final_ms_p95"],
        "recovery_ms_p50": _rounded(percentile(recoveries, 50)),
        "recovery_ms_p95": _rounded(percentile(recoveries, 95)),
        "never_recovered": len(waits) - len(recoveries),
        "tree_mb_peak": peak_mb,
        "counts": counts,
        "promises": [asdict(each) for each in promises],
        "strikes": [{name: told for name, told in each.items() if name not in RAW} for each in story.faults],
    }


def _is_sure(verdict: Mapping[str, Any]) -> bool:
    """A leak, seen while nobody was there. Under load alone, and without a warm-up, whatever is taken once looks like
    one.
    """
    seen_at_rest = verdict["at_rest"] or any(each["left"] for each in verdict["findings"])
    return verdict["verdict"] == str(Outcome.LEAK) and bool(seen_at_rest)


def _is_open(verdict: str, promises: Sequence[Kept], profile: Profile) -> bool:
    """Memory was asked for and is not known, nobody spoke, the soak broke off, or no fault told anything. That one of
    several did not is said, and no more.
    """
    faults = [each.kept for each in promises if each.fault in FAULTS]
    must = [each.kept for each in promises if each.fault in (CAPTIONS, SOAK)]
    return (profile.trend and verdict == str(Outcome.UNKNOWN)) or None in must or (None in faults and not any(faults))


def _of_faults(story: Story, found: Iterable[Kept]) -> Iterator[Kept]:
    """With what became of the rooms that did not have the fault, where that was looked at."""
    for kept in found:
        limit = FAULTS[kept.fault].limits.others_slower if kept.fault in FAULTS else None
        struck = [each for each in story.faults if each["fault"] == kept.fault and OTHERS_FAULT in each]
        if limit is None or not struck:
            yield kept
        else:
            calm, fault = ([wait for each in struck for wait in each[name]] for name in (OTHERS_CALM, OTHERS_FAULT))
            yield with_others(kept, limit, calm, fault)


def _never_struck(options: Options, struck: Sequence[Kept]) -> Iterator[Kept]:
    """Faults that were asked for, and for which there was no time."""
    known = {each.fault for each in struck}
    for fault in chosen(options.profile.faults, real_stack=options.real_stack):
        if fault.name not in known:
            yield not_struck(fault, "there was no time for it")


def _recogniser(options: Options) -> str:
    if options.attached:
        return "that of a service which ran already"
    return "stand-in for the model, in the engine's process" if options.profile.stand_in else "the model"


def _added(tallies: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """Of all legs; figures that cannot be added are those of the newest."""
    added: Counter[str] = Counter()
    for tally in tallies.values():
        added.update({name: int(value or 0) for name, value in tally.items() if name not in NEWEST})
    newest = _newest(tallies)
    return (
        {**added, **{name: newest.get(name) for name in NEWEST}} if added else {**_nothing(), **dict.fromkeys(NEWEST)}
    )


def _newest(tallies: Mapping[int, Mapping[str, Any]]) -> Mapping[str, Any]:
    return tallies[max(tallies)] if tallies else {}


def _nothing() -> dict[str, Any]:
    return dict.fromkeys(("expected", "received", "marked", "silent", "repeated", "repeated_after_cut"), 0)


def _promises(
    options: Options, story: Story, counts: Mapping[str, Any], last: Sample | None, peak_mb: float | None
) -> Iterator[Kept]:
    """Those of any run."""
    if story.accidents:
        promise = "The soak itself runs to its end."
        yield Kept(fault=SOAK, promise=promise, measured=f"it broke off: {story.accidents[-1]}", kept=None)
    expected, silent, repeated = counts["expected"], counts["silent"], counts["repeated"]
    in_doubt = counts.get("repeated_after_cut", 0)
    told = f"{expected} expected, {counts['marked']} lost with a mark, {silent} lost silently, {repeated} repeated"
    told += f" ({in_doubt} of them when a connection was cut while the receipt was on its way)" if in_doubt else ""
    reconnects = last.reconnects if last else 0
    once = repeated == in_doubt and in_doubt <= max(1, IN_DOUBT * reconnects)
    promise = (
        "No caption is lost silently, and none comes twice, but where a cut leaves it in doubt: of few reconnects."
    )
    yield Kept(fault=CAPTIONS, promise=promise, measured=told, kept=None if not expected else not silent and once)
    yield from _received(options, story, counts)
    crashed = bool(counts.get("crashed"))
    yield Kept(
        fault="service",
        promise="The service runs to the end.",
        measured="it ended by itself" if crashed else "it did",
        kept=not crashed,
    )
    if counts.get("not_emptied"):
        times = counts["not_emptied"]
        yield Kept(fault="leaving", promise="Bots leave when nobody reads.", measured=f"not {times} times", kept=False)
    if peak_mb is not None:
        yield Kept(
            fault="memory",
            promise=f"The service and its recogniser take no more than {MOST_TREE_MB:.0f} MB.",
            measured=f"{peak_mb:.0f} MB at most",
            kept=peak_mb <= MOST_TREE_MB,
        )
    yield from _goals(options, last, interrupted=bool(counts.get("interrupted")))


def _received(options: Options, story: Story, counts: Mapping[str, Any]) -> Iterator[Kept]:
    """Who is not received has no caption to expect, so a service that receives nobody would lose none. A fault may be
    why; and a media server that was down takes its time beyond the watch.
    """
    unsent = max(0, counts.get("unsent", 0) - sum(each.get("unsent", 0) for each in story.faults))
    said = counts["expected"] + unsent
    if said and (options.profile.faults == NONE or not options.real_stack):
        yield Kept(
            fault="receiving",
            promise=f"Of what is said while nothing is wrong, no more than {MOST_UNSENT:.0%} reaches nobody.",
            measured=f"{unsent} of {said} utterances; {counts.get('unheard', 0)} speakers were not received at once",
            kept=unsent <= MOST_UNSENT * said,
        )


def _goals(options: Options, last: Sample | None, *, interrupted: bool) -> Iterator[Kept]:
    """What a fast-forward has to get done: the proof is one of so many, or none."""
    goal = asdict(options.profile.goal)
    done = {"subscriptions": last.joins, "reconnects": last.reconnects, "utterances": last.utterances} if last else {}
    missed = [
        f"{done.get(name, 0):,} of {wanted:,} {name}" for name, wanted in goal.items() if done.get(name, 0) < wanted
    ]
    if any(goal.values()):
        wanted = ", ".join(f"{count:,} {name}" for name, count in goal.items() if count)
        measured = "; ".join(missed) or ", ".join(f"{done.get(name, 0):,} {name}" for name in goal)
        kept = None if missed and interrupted else not missed
        yield Kept(fault="volume", promise=f"It has been through {wanted}.", measured=measured, kept=kept)


def _peak_mb(samples: Sequence[Sample]) -> float | None:
    peaks = [each.values["tree_rss_kb"] for each in samples if "tree_rss_kb" in each.values]
    return round(max(peaks) / MEGABYTE_KB, 1) if peaks else None


def _rounded(value: float | None) -> int | None:
    return None if value is None else round(value)
