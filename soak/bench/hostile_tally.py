"""What became of hostile requests, counted by kind; and what of it must not have happened. Pure."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from .hostile_answers import Answer, Forbidden, answers
from .hostile_attack import SHORT_S, Attack

MOST_SAMPLES: Final = 20  # findings that are told one by one, each of another kind
SAMPLE_BYTES: Final = 120  # of the request line, and as many of the end
NOTHING: Final = "–"  # no answer, and none was owed
WAIT: Final = frozenset({429, 503})  # these must say for how long
#: Whatever is counted under these names is a fault of the service.
FINDINGS: Final = (
    "unexpected_5xx",
    "granted",
    "no_http",
    "no_retry_after",
    "unanswered",
    "not_connected",
    "leaked_traceback",
    "leaked_file",
    "leaked_path",
    "leaked_secret",
)


class Tally:
    """Of one round. `opened`: what is to be given back."""

    def __init__(self, forbidden: Forbidden) -> None:
        self._forbidden = forbidden
        self._by_kind: dict[str, Counter[str]] = {}  # ≤ kinds
        self._samples: list[str] = []  # ≤ MOST_SAMPLES
        self._sums: Counter[str] = Counter()
        self.opened: list[tuple[str, str]] = []  # ≤ requests of the round

    def note(self, attack: Attack, received: bytes | None, *, closed: bool = True) -> None:
        """`received` None: the connection could not be had. `closed`: the service has ended it."""
        self._sums["requests"] += 1
        own = self._by_kind.setdefault(attack.kind, Counter())
        if received is None:
            self._found("not_connected", attack, own)
            return
        given = answers(received, bodiless=attack.bodiless)
        for answer in given:
            own[str(answer.status)] += 1
            self._judge(answer, attack, own)
        granted = sum(answer.granted for answer in given)
        if granted > 1 and attack.once:
            self._found("granted", attack, own)
        if granted and attack.opens is not None:
            self.opened.append(attack.opens)
        if not given:
            own[NOTHING] += 1
            self._sums["cut_off"] += closed and attack.patience_s > SHORT_S and not attack.hangs_up
            if not closed and attack.patience_s > SHORT_S and not attack.hangs_up:
                self._found("unanswered", attack, own)
        for name in self._forbidden.found(received):
            self._found(f"leaked_{name}", attack, own)

    def _judge(self, answer: Answer, attack: Attack, own: Counter[str]) -> None:
        agreed = answer.status == 503 or (answer.status == 550 and attack.translates)
        if answer.status >= 500 and not agreed:
            self._found("unexpected_5xx", attack, own)
        if answer.granted and attack.refused:
            self._found("granted", attack, own)
        if not answer.status:
            self._found("no_http", attack, own)
        if answer.status in WAIT and b"\r\nretry-after:" not in answer.head.lower():
            self._found("no_retry_after", attack, own)

    def _found(self, what: str, attack: Attack, own: Counter[str]) -> None:
        self._sums[what] += 1
        own[what] += 1
        if own[what] == 1 and len(self._samples) < MOST_SAMPLES:
            self._samples.append(f"{what} by {attack.kind}: {_shown(attack)}")

    def told(self) -> dict[str, Any]:
        """Ready for JSON."""
        statuses: Counter[str] = Counter()
        for own in self._by_kind.values():
            statuses.update({name: count for name, count in own.items() if name.isdecimal()})
        return {
            "requests": self._sums["requests"],
            "cut_off": self._sums["cut_off"],
            **{name: self._sums[name] for name in FINDINGS},
            "statuses": dict(sorted(statuses.items())),
            "kinds": {kind: dict(sorted(own.items())) for kind, own in sorted(self._by_kind.items())},
            "samples": self._samples,
        }


def _shown(attack: Attack) -> str:
    """The begin and the end of what was sent; the headers, which may have a secret, are between them."""
    sent = b"".join(attack.parts)
    line, _, more = sent.partition(b"\r\n")
    _, _, body = more.partition(b"\r\n\r\n")
    return f"{line[:SAMPLE_BYTES]!r} … {body[-SAMPLE_BYTES:]!r}"
