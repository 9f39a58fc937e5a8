"""Enough of PromQL to say which series, labels and functions an expression leans on."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

TOKEN = re.compile(
    r"""\s*(?:
    (?P<string>"(?:[^"\\]|\\.)*")
  | (?P<duration>\d+[smhdwy]\b|\$__\w+)
  | (?P<number>\d[\d.]*(?:e[+-]?\d+)?)
  | (?P<name>[A-Za-z_:][\w:]*)
  | (?P<operator>=~|!~|==|!=|<=|>=|[-+*/%^<>=(){}\[\],])
    )""",
    re.VERBOSE,
)
KEYWORDS = {"and", "or", "unless", "offset", "bool", "Inf"}
GROUPING = {"by", "without", "on", "ignoring"}
AGGREGATIONS = {"sum", "max", "min", "avg", "count"}
OVER_TIME = {"rate", "increase", "changes", "min_over_time", "max_over_time", "deriv"}
FUNCTIONS = {*AGGREGATIONS, *OVER_TIME, "histogram_quantile", "clamp_min", "time"}


class NotPromql(ValueError):
    """The expression cannot be read."""


@dataclass
class Selector:
    """One series that is selected. `within`: the function whose argument it is."""

    name: str
    within: str
    matchers: list[tuple[str, str, str]] = field(default_factory=list)  # label, operator, value
    over: str = ""


@dataclass
class Expression:
    selectors: list[Selector] = field(default_factory=list)
    groups: set[str] = field(default_factory=set)  # labels by which it is grouped or joined


def tokens(text: str) -> list[tuple[str, str]]:
    found, at, text = [], 0, text.strip()
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise NotPromql(f"at {text[at : at + 20]!r}")
        found.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return found


def parse(text: str) -> Expression:
    """Raises `NotPromql`."""
    return _Reader(tokens(text)).read()


class _Reader:
    def __init__(self, found: list[tuple[str, str]]) -> None:
        self._tokens = [*found, ("end", "")]
        self._at = 0
        self._open: list[str] = []  # the functions whose brackets are open; "" for a bracket of its own
        self._expression = Expression()

    def read(self) -> Expression:
        while (token := self._next())[0] != "end":
            kind, text = token
            if kind == "name":
                self._name(text)
            elif text == "(":
                self._open.append("")
            elif text == ")":
                if not self._open:
                    raise NotPromql("a bracket is closed that was not opened")
                self._open.pop()
            elif text in ("{", "}", "[", "]", "=", "=~", "!~"):
                raise NotPromql(f"{text} without a series")
        if self._open:
            raise NotPromql("a bracket is not closed")
        return self._expression

    def _next(self) -> tuple[str, str]:
        self._at += 1
        return self._tokens[self._at - 1]

    def _is_next(self, text: str) -> bool:
        if self._tokens[self._at] == ("operator", text):
            self._at += 1
            return True
        return False

    def _name(self, text: str) -> None:
        if text in GROUPING:
            self._expression.groups |= set(self._list())
        elif text in AGGREGATIONS and self._tokens[self._at][1] in GROUPING:
            pass
        elif self._is_next("("):
            if text not in FUNCTIONS:
                raise NotPromql(f"no function {text}")
            self._open.append(text)
        elif text not in KEYWORDS:
            self._selector(text)

    def _selector(self, name: str) -> None:
        within = next((each for each in reversed(self._open) if each), "")
        selector = Selector(name=name, within=within)
        if self._is_next("{"):
            while not self._is_next("}"):
                (_, label), (_, operator), (kind, value) = self._next(), self._next(), self._next()
                if operator not in ("=", "!=", "=~", "!~") or kind != "string":
                    raise NotPromql(f"no matcher: {label}{operator}{value}")
                selector.matchers.append((label, operator, value[1:-1]))
                self._is_next(",")
        if self._is_next("["):
            selector.over = self._next()[1]
            if not self._is_next("]"):
                raise NotPromql("a range is not closed")
        self._expression.selectors.append(selector)

    def _list(self) -> list[str]:
        if not self._is_next("("):
            raise NotPromql("no list of labels")
        labels = []
        while not self._is_next(")"):
            kind, label = self._next()
            if kind != "name":
                raise NotPromql(f"no label: {label}")
            labels.append(label)
            self._is_next(",")
        return labels
