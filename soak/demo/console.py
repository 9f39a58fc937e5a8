"""Captions in the terminal: live lines on a TTY, plain lines elsewhere, or one JSON object a line."""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from .score import Result

MAX_VOICES: Final = 100  # speakers whose colour is remembered; the demo may stand for days, and people come and go
MAX_OPEN: Final = 20  # lines without a final
STALE_S: Final = 60.0  # longer than an utterance and the wait for its final: whose line stands so long has left
STYLES: Final = ("bold cyan", "bold green", "bold magenta", "bold yellow", "bold blue", "bold red")


class Screen(Protocol):
    """`key` is the speaker, stable for its open line; `name` is what people read; `at` seconds since the start."""

    def note(self, text: str) -> None: ...
    def caption(self, *, key: str, name: str, text: str, final: bool, at: float) -> None: ...
    def summary(self, results: Sequence[Result], summary: dict[str, Any]) -> None: ...
    def close(self) -> None: ...


def screen(*, as_json: bool) -> Screen:
    if as_json:
        return JsonScreen()
    console = Console(highlight=False)
    return LiveScreen(console) if console.is_terminal else PlainScreen(console)


class JsonScreen:
    """For programs: captions and the summary on standard output, remarks on standard error."""

    def note(self, text: str) -> None:
        sys.stderr.write(f"{text}\n")

    def caption(self, *, key: str, name: str, text: str, final: bool, at: float) -> None:
        self._print(
            {"type": "caption", "at": round(at, 3), "speaker": name, "session": key, "final": final, "text": text}
        )

    def summary(self, results: Sequence[Result], summary: dict[str, Any]) -> None:
        self._print(summary)

    def close(self) -> None:
        pass

    def _print(self, line: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
        sys.stdout.flush()


class PlainScreen:
    """One line a caption: for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def note(self, text: str) -> None:
        self._console.print(text, markup=False, emoji=False, soft_wrap=True)

    def caption(self, *, key: str, name: str, text: str, final: bool, at: float) -> None:
        if not text:
            return  # the partial turned out to be nothing
        kind = "final  " if final else "partial"
        self._console.print(f"{_clock()} {kind} {name}: {text}", markup=False, emoji=False, soft_wrap=True)

    def summary(self, results: Sequence[Result], summary: dict[str, Any]) -> None:
        _print_summary(self._console, results, summary)

    def close(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class _Line:
    """A speaker's open line. `begun` is wallclock to show, `changed_at` seconds since the start."""

    begun: str
    changed_at: float
    words: Text


class LiveScreen:
    """A final is printed and stays; each speaker's partial stands dimmed below and is replaced in place."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._open: dict[str, _Line] = {}  # by speaker; ≤ MAX_OPEN
        self._styles: dict[str, str] = {}  # by speaker, who spoke last is last; ≤ MAX_VOICES
        self._next_style = itertools.cycle(STYLES)
        self._live = Live(Group(), console=console, auto_refresh=False, transient=True)
        self._live.start()

    def note(self, text: str) -> None:
        self._live.console.print(Text(text, style="dim"))

    def caption(self, *, key: str, name: str, text: str, final: bool, at: float) -> None:
        before = self._open.get(key)
        begun = before.begun if before else _clock()
        text_style = "" if final else "dim italic"
        words = Text.assemble((f"{begun}  ", "dim"), (f"{name}: ", self._style(key)), (text, text_style))
        if final:
            self._open.pop(key, None)
            if text:
                self._live.console.print(words)
        else:
            self._open[key] = _Line(begun=begun, changed_at=at, words=words)
        self._give_up(at)
        self._live.update(Group(*(line.words for line in self._open.values())), refresh=True)

    def _style(self, key: str) -> str:
        style = self._styles.pop(key, None) or next(self._next_style)
        self._styles[key] = style
        if len(self._styles) > MAX_VOICES:
            del self._styles[next(iter(self._styles))]
        return style

    def _give_up(self, now: float) -> None:
        """Whoever left in mid-sentence sends no final: such lines must not stand for ever."""
        for key in [key for key, line in self._open.items() if now - line.changed_at > STALE_S]:
            del self._open[key]
        if len(self._open) > MAX_OPEN:
            del self._open[next(iter(self._open))]

    def summary(self, results: Sequence[Result], summary: dict[str, Any]) -> None:
        self.close()
        _print_summary(self._console, results, summary)

    def close(self) -> None:
        self._live.stop()


def _print_summary(console: Console, results: Sequence[Result], summary: dict[str, Any]) -> None:
    table = Table("clip", "first caption", "final", "what was captioned", title="What the demo heard", expand=False)
    for result in results:
        table.add_row(
            Text(result.clip), _ms(result.first_partial_ms), _ms(result.final_ms), Text(result.hypothesis or "—")
        )
    console.print(table)
    error_rate = "—" if summary["wer"] is None else f"{summary['wer'] * 100:.1f} %"
    console.print(
        f"{summary['clips_captioned']} of {summary['clips']} clips captioned, word error rate {error_rate}; "
        f"first caption after {_ms(summary['first_partial_ms_p50'])} (p95 {_ms(summary['first_partial_ms_p95'])}), "
        f"final {_ms(summary['final_ms_p50'])} after the last word (p95 {_ms(summary['final_ms_p95'])})",
        soft_wrap=True,
    )


def _ms(value: float | None) -> str:
    return "—" if value is None else f"{value / 1000:.2f} s"


def _clock() -> str:
    return time.strftime("%H:%M:%S")
