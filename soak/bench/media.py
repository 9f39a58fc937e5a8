"""What receiving costs: packets of many speakers come in over ICE, DTLS and SRTP, and the receiver is measured.

Ours is measured beside others, in turns, each in a process of its own on one CPU: absolute times move with the machine,
and only what was measured in one run can be compared.
"""

from __future__ import annotations

import resource
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from rich.table import Table

from .media_options import OURS, PION, STOCK, BadOption, MediaOptions, Program
from .media_run import own_processors, run

#: Of several runs the worst counts, not the median: none of these may happen at all.
HIGHEST: Final = ("packets_lost_inside", "sender_behind_ms_p99", "sender_behind_ms_max", "sent_late")
SHOWN: Final = {
    "us_per_packet": "CPU time per packet, µs",
    "mb_per_speaker": "memory per speaker, MB",
    "rss_mb": "memory, MB",
    "loop_lag_ms_p99": "lag of the loop, p99, ms",
    "packets_lost_inside": "packets lost inside",
    "audio_lost_fraction": "audio lost, share",
    "holdback_ms": "held back, ms",
    "decoded_s": "decoded since the start, s",
    "sent_per_s": "packets sent per second",
    "sender_behind_ms_p99": "senders late, p99, ms",
    "sender_us_per_packet": "senders' CPU time per packet, µs",
}
OF_OURS: Final = (
    "us_per_packet",
    "mb_per_speaker",
    "loop_lag_ms_p99",
    "packets_lost_inside",
    "rss_mb",
    "audio_lost_fraction",
    "holdback_ms",
    "decoded_s",
    "sent_per_s",
    "sender_behind_ms_p99",
)


async def measure(
    options: MediaOptions,
    programs: Sequence[Program],
    environment: Mapping[str, str],
    note: Callable[[str], None],
) -> dict[str, Any]:
    """All figures of `roomscribe bench media`; the first of the programs is ours. Raises `RunFailed`, `BadOption`."""
    allow_files(options.files)
    processors = own_processors()
    if processors.receiver == processors.senders:
        note("one CPU only: senders and receiver share it, which slows both")
    runs: dict[str, list[dict[str, Any]]] = {program.name: [] for program in programs}
    for turn in range(options.repeat):
        for program in programs:
            which = f" ({turn + 1} of {options.repeat})" if options.repeat > 1 else ""
            note(f"{program.name}{which}: {options.speakers} speakers, {options.talkers} talk")
            result = await run(program, options, python=sys.executable, environment=environment, processors=processors)
            if not result["realtime"]:
                note(
                    f"the senders could not feed {options.speakers} speakers in real time: "
                    f"{result['sent_late']} packets went 20 ms late or later"
                )
            runs[program.name].append(result)
    return figures(options, runs)


def figures(options: MediaOptions, runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    """Medians of each receiver's runs. Ratios are ours to theirs: below 1, ours is cheaper.

    `packets_lost_inside`: all that was sent but what had arrived at the end. What `loss` left out was not sent.
    """
    receivers = {name: merged(own) for name, own in runs.items()}
    ours = next(iter(receivers.values()))
    return {
        **{name: ours.get(name) for name in OF_OURS},
        "ratio_stock": _ratio(ours, receivers.get(STOCK)),
        "ratio_pion": _ratio(ours, receivers.get(PION)),
        "speakers": options.speakers,
        "talking": options.talkers,
        "rooms": options.rooms,
        "hearing": options.hearing,
        "seconds": options.seconds,
        "loss": options.loss,
        "realtime": all(each["realtime"] for each in receivers.values()),
        "receivers": receivers,
    }


def merged(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One result of several: the median of each number, or its highest where that is what matters."""
    names = dict.fromkeys(name for each in runs for name in each)
    single = {name: _merged(name, [each[name] for each in runs if each.get(name) is not None]) for name in names}
    return single if len(runs) == 1 else {**single, "runs": [dict(each) for each in runs]}


def _merged(name: str, values: Sequence[Any]) -> Any:
    if not values:
        return None
    if all(isinstance(value, bool) for value in values):
        return all(values)
    if not all(isinstance(value, int | float) for value in values):
        return values[-1]
    return max(values) if name in HIGHEST else round(statistics.median(values), 4)


def _ratio(ours: Mapping[str, Any], theirs: Mapping[str, Any] | None) -> float | None:
    if theirs is None or not theirs.get("us_per_packet") or not ours.get("us_per_packet"):
        return None
    return round(float(ours["us_per_packet"]) / float(theirs["us_per_packet"]), 3)


def table(figures: Mapping[str, Any]) -> Table:
    """The receivers side by side."""
    receivers: Mapping[str, Mapping[str, Any]] = figures["receivers"]
    title = f"{figures['speakers']} speakers, {figures['talking']} of them talk"
    if figures["loss"]:
        title += f", {figures['loss']:.1%} of the packets lost"
    shown = Table("figure", *receivers, title=title)
    for name, meaning in SHOWN.items():
        values = [each.get(name) for each in receivers.values()]
        if any(value is not None for value in values):
            shown.add_row(meaning, *("–" if value is None else str(value) for value in values))
    for other in (STOCK, PION):
        if figures[f"ratio_{other}"] is not None:
            shown.add_section()
            shown.add_row(f"CPU time of {OURS} against {other}", str(figures[f"ratio_{other}"]))
    return shown


def allow_files(needed: int) -> None:
    """Let the processes to come open so many files. Raises `BadOption`: they may not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= needed or soft == resource.RLIM_INFINITY:
        return
    if needed > hard != resource.RLIM_INFINITY:
        raise BadOption(f"--speakers: {needed} open files are needed, {hard} are allowed: raise `ulimit -Hn`")
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
