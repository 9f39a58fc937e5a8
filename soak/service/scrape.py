"""One answer of `/metrics`, as a table."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

Labels = frozenset[tuple[str, str]]


class Scrape:
    """Of the text that the service answered. Raises `ValueError` for what is no such text."""

    def __init__(self, text: str) -> None:
        self._samples: dict[str, dict[Labels, float]] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                self._samples.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value

    def __contains__(self, name: str) -> bool:
        return name in self._samples

    @property
    def series(self) -> int:
        """How many there are, of all names."""
        return sum(map(len, self._samples.values()))

    def value(self, name: str, **labels: str) -> float:
        """Of the one series with exactly these labels; 0 where there is none, as for a count that has not begun."""
        return self._samples.get(name, {}).get(frozenset(labels.items()), 0.0)

    def sum(self, name: str) -> float:
        """Of all series of this name."""
        return sum(self._samples.get(name, {}).values())
