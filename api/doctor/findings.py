"""What a check of the doctor found, and how it is told: to people line by line, to programs as one object."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.text import Text

NAME_COLUMNS: Final = 18  # of a line, for the name of its check
INDENT: Final = " " * (NAME_COLUMNS + 3)


class Status(enum.Enum):
    """From the best to the worst."""

    SKIPPED = "skipped"
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


MARKS: Final = {Status.OK: "✓", Status.WARN: "!", Status.FAIL: "✗", Status.SKIPPED: "–"}
STYLES: Final = {Status.OK: "green", Status.WARN: "yellow", Status.FAIL: "bold red", Status.SKIPPED: "dim"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`answer` is a sentence for people, without its full stop; `advice` says what to set or to do."""

    check: str
    status: Status
    answer: str
    advice: str = ""


def ok(check: str, answer: str) -> Finding:
    return Finding(check=check, status=Status.OK, answer=answer)


def warn(check: str, answer: str, advice: str) -> Finding:
    return Finding(check=check, status=Status.WARN, answer=answer, advice=advice)


def fail(check: str, answer: str, advice: str) -> Finding:
    return Finding(check=check, status=Status.FAIL, answer=answer, advice=advice)


def skipped(check: str, why: str) -> Finding:
    return Finding(check=check, status=Status.SKIPPED, answer=why)


def overall(findings: Iterable[Finding]) -> Status:
    """The worst of them; what was skipped is as good as `ok`."""
    return max([Status.OK, *(each.status for each in findings)], key=list(Status).index)


def line(finding: Finding) -> Text:
    """For a terminal, or without its colours for a file."""
    style = STYLES[finding.status]
    text = Text.assemble((MARKS[finding.status], style), f" {finding.check:{NAME_COLUMNS}} ")
    text.append(f"\n{INDENT}".join(finding.answer.splitlines()))
    if finding.advice:
        text.append(f"\n{INDENT}→ {finding.advice}")
    return text


def report(findings: Sequence[Finding]) -> dict[str, Any]:
    """For programs."""
    checks = [
        {"check": each.check, "status": each.status.value, "answer": each.answer, "advice": each.advice}
        for each in findings
    ]
    return {"status": overall(findings).value, "checks": checks}
