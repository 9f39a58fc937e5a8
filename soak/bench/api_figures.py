"""What `roomscribe bench api` concludes from what it saw: the sums, what was missed, and the tables. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from rich.console import Group
from rich.table import Table

from .api_service import Footprint
from .hostile_tally import FINDINGS

MOST_MS: Final = 50.0  # p99 of a request for captions
MOST_GROWTH_MB: Final = 5.0
MOST_HEALTHZ_MS: Final = 500.0  # whatever keeps it waiting keeps the captions of all rooms waiting
MOST_LAG_MS: Final = 25.0  # p99; a generator that is later than this does not send at the rate that it says


@dataclass(frozen=True, slots=True, kw_only=True)
class Attacked:
    """One attack and what it left. `before` and `after` are None where the service was gone.

    `probed`: seconds that /healthz took meanwhile. `captions`: of each captioned room, how many came while it was
    attacked; `afterwards`: once it was over.
    """

    warm_up: Mapping[str, Any]
    told: Mapping[str, Any]
    probed: Sequence[float]
    before: Footprint | None
    after: Footprint | None
    captions: Sequence[int]
    afterwards: Sequence[int]
    alive: bool
    running: bool
    engine_restarts: int
    rooms_left: int
    complaints: Mapping[str, Any] = field(default_factory=dict)

    @property
    def crashes(self) -> int:
        """The process, its answers, its recogniser, and each captioned room that has no captions any more."""
        lost = sum(not count for count in self.afterwards)
        return (not self.running) + (self.running and not self.alive) + self.engine_restarts + lost


def summary(
    load: Mapping[str, Any],
    captioned: Sequence[int],
    attacked: Attacked,
    limits: Mapping[str, Any],
    exit_status: int,
    *,
    first_answer_s: float,
) -> dict[str, Any]:
    """`captioned`: of each room, how many captions came while requests were measured. `first_answer_s`: from the start
    of the service's process until it answered at all.
    """
    found = {name: attacked.warm_up.get(name, 0) + attacked.told.get(name, 0) for name in FINDINGS}
    before, after = attacked.before, attacked.after
    told = {
        "type": "summary",
        "first_answer_ms": round(first_answer_s * 1000),
        "transcribe_ms_p50": load["ms_p50"],
        "transcribe_ms_p95": load["ms_p95"],
        "transcribe_ms_p99": load["ms_p99"],
        "transcribe_ms_max": load["ms_max"],
        "transcribe_requests": load["sent"],
        "transcribe_failed": load["failed"] + load["left_out"],
        "transcribe_per_s": load["per_s"],
        "generator_lag_ms_p99": load["lag_ms_p99"],
        "generator_lag_ms_max": load["lag_ms_max"],
        "rooms": len(captioned),
        "rooms_captioned": sum(count > 0 for count in captioned),
        "captions": sum(captioned),
        "hostile_requests": attacked.told.get("requests", 0),
        "hostile_seconds": attacked.told.get("seconds", 0),
        "crashes": attacked.crashes + (attacked.running and exit_status != 0),
        **found,
        "rss_base_mb": None if before is None else round(before.rss_mb, 1),
        "rss_growth_mb": None if before is None or after is None else round(after.rss_mb - before.rss_mb, 1),
        "files_left": None if before is None or after is None else max(0, after.files - before.files),
        "threads_left": None if before is None or after is None else max(0, after.threads - before.threads),
        "rooms_left": attacked.rooms_left,
        "healthz_ms_max": round(max(attacked.probed, default=0.0) * 1000, 1),
        "rooms_captioned_in_attack": sum(count > 0 for count in attacked.captions),
        "rooms_captioned_after": sum(count > 0 for count in attacked.afterwards),
        "engine_restarts": attacked.engine_restarts,
        **attacked.complaints,
        **limits,
        "exit_status": exit_status,
    }
    missed = misses(told)
    return {**told, "missed": missed, "passed": not missed}


def misses(told: Mapping[str, Any]) -> list[str]:
    """What must be and is not, in words."""
    rooms, latency, growth = told["rooms"], told["transcribe_ms_p99"], told["rss_growth_mb"]
    musts = {
        f"requests for captions took {latency} ms (p99), {MOST_MS:g} at most": latency is not None
        and latency <= MOST_MS,
        f"{told['transcribe_failed']} requests for captions failed": not told["transcribe_failed"],
        f"the generator was {told['generator_lag_ms_p99']} ms late (p99)": (
            (told["generator_lag_ms_p99"] or 0.0) <= MOST_LAG_MS
        ),
        f"{rooms - told['rooms_captioned']} rooms had no captions under load": told["rooms_captioned"] == rooms,
        f"{told['crashes']} crashes": not told["crashes"],
        f"memory grew by {growth} MB, {MOST_GROWTH_MB:g} at most": growth is not None and growth <= MOST_GROWTH_MB,
        f"/healthz took {told['healthz_ms_max']} ms under attack, {MOST_HEALTHZ_MS:g} at most": (
            told["healthz_ms_max"] <= MOST_HEALTHZ_MS
        ),
        f"{told['files_left']} files are left open": not told["files_left"],
        f"{told['rooms_left']} rooms are left": not told["rooms_left"],
        f"{told.get('log_tracebacks')} unforeseen errors in the log": not told.get("log_tracebacks"),
        f"{told.get('log_secrets')} secrets in the log": not told.get("log_secrets"),
        "the rate limit turned nobody away": bool(told.get("limited_429")),
        f"{told.get('limited_unexpected')} unexpected answers at the rate limit": not told.get("limited_unexpected"),
        "all connections were kept": told.get("connections_kept", 0) < told.get("connected", 0),
        "no answer after too many connections": bool(told.get("alive_after")),
        **{f"{told[name]} times {name}": not told[name] for name in FINDINGS},
    }
    return [words for words, met in musts.items() if not met]


def tables(summary: Mapping[str, Any], attack: Mapping[str, Any]) -> Group:
    """The sums; what each kind of request was answered; what was found; what was missed."""
    sums = Table("figure", "value", title="The control API under load and under attack")
    for name, value in summary.items():
        if name not in ("type", "missed"):
            sums.add_row(name, str(value))
    kinds = Table("hostile requests", "answers", title=f"{attack.get('requests', 0)} hostile requests")
    for kind, own in attack.get("kinds", {}).items():
        kinds.add_row(kind, ", ".join(f"{name} × {count}" for name, count in own.items()))
    findings = Table("found", title="Of each finding the first", show_header=False)
    for sample in attack.get("samples", []):
        findings.add_row(sample)
    missed = Table("missed", title="Missed" if summary["missed"] else "Nothing missed", show_header=False)
    for each in summary["missed"]:
        missed.add_row(each)
    return Group(*(table for table in (kinds, sums, findings, missed) if table.row_count or table is missed))
