"""The report of a run as one page that needs nothing else: no script, no picture, no font from elsewhere."""

from __future__ import annotations

import html
import importlib.resources
import itertools
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from soak.verdict.findings import number
from soak.verdict.sample import METRICS, REST, Sample

from .plot import Band, Point, Series, Slope, plot

MINUTE_S: Final = 60.0
HOUR_S: Final = 3600.0
HEADLINES: Final = {
    "flat": "Nothing leaks: everything that was measured stays flat.",
    "leak": "Something leaks.",
    "unknown": "Cannot tell whether anything leaks.",
}
COUNTS: Final = {  # the well-known ones, in their order; others follow under their own names
    "expected": "expected",
    "received": "received",
    "marked": "lost, with a mark where they are missing",
    "silent": "lost silently",
    "repeated": "repeated",
    "final_ms_p50": "time from the last word to the caption, half of them (ms)",
    "final_ms_p95": "time from the last word to the caption, 95 of 100 (ms)",
    "recovery_ms_p50": "time to the next caption after a fault, half of them (ms)",
    "recovery_ms_p95": "time to the next caption after a fault, 95 of 100 (ms)",
}
MUST_BE_ZERO: Final = frozenset({"silent", "repeated"})
TOGETHER: Final = ("tree_rss_kb", "pss_kb", "rss_kb", "engine_rss_kb")  # in one figure, the largest first
NOTHING: Final = "–"

PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>roomscribe soak: {verdict}</title>
<style>
{style}</style>
</head>
<body>
<header class="verdict {verdict}"><h1>{headline}</h1>{reasons}</header>
<main>
{sections}
</main>
</body>
</html>
"""


def page(report: Mapping[str, Any], samples: Sequence[Sample], bands: Sequence[Band] = ()) -> str:
    """`report` is the object that `roomscribe soak --json` ends with. What it lacks is left out."""
    verdict = str(report.get("verdict", "unknown"))
    verdict = verdict if verdict in HEADLINES else "unknown"
    reasons = "".join(f"<li>{_text(each)}</li>" for each in _list(report, "reasons"))
    sections = (_ran(report), _findings(report), _counts(report), _promises(report), _plots(report, samples, bands))
    return PAGE.format(
        verdict=verdict,
        style=importlib.resources.files(__package__).joinpath("page.css").read_text(encoding="utf-8"),
        headline=_text(_headline(verdict, report)),
        reasons=f"<ul>{reasons}</ul>" if reasons else "",
        sections="\n".join(each for each in sections if each),
    )


def _headline(verdict: str, report: Mapping[str, Any]) -> str:
    broken = sum(each.get("kept") is False for each in _list(report, "promises"))
    promises = {0: "", 1: " One promise is broken."}.get(broken, f" {broken} promises are broken.")
    return HEADLINES[verdict] + promises


def _ran(report: Mapping[str, Any]) -> str:
    """What it was, and how to do it again."""
    rows = [(name, _text(_shown(report[name]))) for name in ("profile", "rooms", "speakers") if name in report]
    if "seconds" in report:
        rows.append(("lasted", _lasted(report["seconds"])))
    if "recogniser" in report:
        rows.append(("recogniser", _text(report["recogniser"])))
    if "command" in report:
        rows.append(("again", f"<code>{_text(_command(report['command']))}</code>"))
    listed = "".join(f"<dt>{_text(name)}</dt><dd>{value}</dd>" for name, value in rows)
    return f"<section><h2>What ran</h2><dl>{listed}</dl></section>" if rows else ""


def _findings(report: Mapping[str, Any]) -> str:
    rows = []
    for each in _list(report, "findings"):
        label = each.get("label", each.get("metric", NOTHING))
        rows.append(
            [
                f"<th scope='row'>{_text(label)}<small>{_text(each.get('sentence', NOTHING))}</small></th>",
                _cell(each.get("verdict"), of=str(each.get("verdict", ""))),
                *(_slope(each.get(name)) for name in ("per_join", "per_utterance", "per_hour")),
                *(_number(each.get(name)) for name in ("detectable", "first", "last", "peak")),
            ]
        )
    headings = ("", "verdict", "#per join", "#per utterance", "#per hour", "#detectable", "#first", "#last", "#peak")
    note = (
        "Memory in kB. Slopes with the interval that holds the true one 95 times in a hundred. Joins, utterances and "
        "hours advance together: a leak of one shows in all. Detectable: the smallest slope that would have been "
        "called a leak four times in five. All of them together call one healthy run in a hundred a leak."
    )
    return _table("What was measured", headings, rows, note=note)


def _counts(report: Mapping[str, Any]) -> str:
    recovery = {
        name: report[name] for name in COUNTS if name in report
    }  # of faults, not of captions: beside the counts
    counts = {**(report.get("counts") or {}), **recovery}
    known = [name for name in COUNTS if name in counts]
    rows = []
    for name in (*known, *(each for each in counts if each not in COUNTS)):
        kept = "" if name not in MUST_BE_ZERO or counts[name] is None else "broken" if counts[name] else "kept"
        label = _text(COUNTS.get(name, str(name).replace("_", " ")))
        rows.append([f"<th scope='row'>{label}</th>", _number(counts[name], of=kept)])
    return _table("Captions", ("", "#count"), rows)


def _promises(report: Mapping[str, Any]) -> str:
    rows = []
    for each in _list(report, "promises"):
        kept = each.get("kept")
        word, of = {True: ("kept", "kept"), False: ("broken", "broken")}.get(kept, ("not seen", "unknown"))
        cells = [_cell(each.get(name)) for name in ("promise", "measured")]
        rows.append([f"<th scope='row'>{_text(each.get('fault', NOTHING))}</th>", *cells, _cell(word, of=of)])
    return _table("What was promised", ("fault", "promise", "measured", ""), rows)


def _plots(report: Mapping[str, Any], samples: Sequence[Sample], bands: Sequence[Band]) -> str:
    ordered = sorted(samples, key=lambda each: each.at_s)
    found = {each.get("metric"): each for each in _list(report, "findings")}
    figures = []
    together = [name for name in TOGETHER if any(name in each.values for each in ordered)]
    if len(together) > 1:
        series = [Series(label=name.removesuffix("_kb"), line=_line(ordered, name)) for name in together]
        figures.append(_figure("memory of all processes", "kB", series, bands, "One line for each way to count it."))
    for name, metric in METRICS.items():
        line = _line(ordered, name)
        if line:
            finding = found.get(name, {})
            points, slopes = _rests(ordered, name, finding.get("per_hour"))
            series = [Series(label=metric.label, line=line, points=points, slopes=slopes)]
            figures.append(_figure(metric.label, metric.unit, series, bands, str(finding.get("sentence", ""))))
    note = (
        "Thin: all along. Points: after everybody had left. Dashed: the trend of those points, within what it may "
        "be. Shaded: faults."
    )
    return (
        f'<section><h2>All along</h2><p class="note">{note}</p><div class="plots">{"".join(figures)}</div></section>'
        if figures
        else ""
    )


def _figure(title: str, unit: str, series: Sequence[Series], bands: Sequence[Band], description: str) -> str:
    drawn = plot(title, unit, series, bands, description=description)
    return f"<figure><figcaption>{_text(title[0].upper() + title[1:])}</figcaption>{drawn}</figure>"


def _line(samples: Sequence[Sample], name: str) -> list[Point]:
    return [(each.at_s, each.values[name]) for each in samples if name in each.values]


def _rests(samples: Sequence[Sample], name: str, per_hour: Any) -> tuple[list[Point], list[Slope]]:
    """The points of all rests, and for each life of the service the trend that was found, through their middle."""
    points, slopes = [], []
    for _, leg in itertools.groupby(samples, key=lambda each: each.leg):
        runs = itertools.groupby((each for each in leg if name in each.values), key=lambda each: each.phase)
        own = [_point(list(run), name) for phase, run in runs if phase == REST]
        points += own
        if per_hour and len(own) > 1:
            middle = (statistics.fmean(at for at, _ in own), statistics.fmean(value for _, value in own))
            slope, low, high = (per_hour[each] / HOUR_S for each in ("slope", "low", "high"))
            slopes.append(Slope(begin_s=own[0][0], end_s=own[-1][0], middle=middle, slope=slope, low=low, high=high))
    return points, slopes


def _point(rest: Sequence[Sample], name: str) -> Point:
    return statistics.fmean(each.at_s for each in rest), statistics.median_low(each.values[name] for each in rest)


def _table(title: str, headings: Sequence[str], rows: Sequence[Iterable[str]], *, note: str = "") -> str:
    """A heading with # is that of numbers. Without rows, there is no table."""
    if not rows:
        return ""
    classes = ["number" if each.startswith("#") else "" for each in headings]
    head = "".join(
        f"<th scope='col' class='{of}'>{_text(each.lstrip('#'))}</th>"
        for each, of in zip(headings, classes, strict=True)
    )
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    said = f'<p class="note">{_text(note)}</p>' if note else ""
    return (
        f'<section><h2>{_text(title)}</h2><div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>{said}</section>"
    )


def _slope(found: Any) -> str:
    if not isinstance(found, Mapping):
        return f"<td class='number'>{NOTHING}</td>"
    interval = f"{_shown(found.get('low'))} to {_shown(found.get('high'))}"
    return f"<td class='number'>{_text(_shown(found.get('slope')))}<small>{_text(interval)}</small></td>"


def _cell(value: Any, *, of: str = "") -> str:
    return f"<td class='{_text(of)}'>{_text(_shown(value))}</td>" if of else f"<td>{_text(_shown(value))}</td>"


def _number(value: Any, *, of: str = "") -> str:
    return f"<td class='number {_text(of)}'>{_text(_shown(value))}</td>"


def _shown(value: Any) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return number(float(value))
    return str(value)


def _lasted(seconds: Any) -> str:
    if not isinstance(seconds, (int, float)) or not 0 <= seconds < math.inf:
        return NOTHING
    if seconds < MINUTE_S:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / MINUTE_S), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _command(command: Any) -> str:
    return " ".join(map(str, command)) if isinstance(command, (list, tuple)) else _shown(command)


def _list(report: Mapping[str, Any], name: str) -> Sequence[Any]:
    return report.get(name) or ()


def _text(text: object) -> str:
    return html.escape(str(text), quote=True)
