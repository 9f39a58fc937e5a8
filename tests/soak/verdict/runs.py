"""Runs that never took place: what a service would have shown, had it leaked so much, or nothing."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from soak.verdict.sample import LOAD, REST, WARM_UP, Sample

STEADY = {
    "open_files": 41,
    "sockets": 17,
    "threads": 12,
    "tasks": 9,
    "peer_connections": 0,
    "ring_kb": 0,
    "series": 312,
}


def remembering(random, count, *, deviation, correlation):
    """Autoregressive noise of first order, that has been going on for ever."""
    shocks = random.normal(scale=deviation * np.sqrt(1 - correlation**2), size=count)
    noise = np.empty(count)
    noise[0] = random.normal(scale=deviation)
    for at in range(1, count):
        noise[at] = correlation * noise[at - 1] + shocks[at]
    return noise


def arenas(random, count, *, size, most=3):
    """Steps: the allocator takes an arena now and then, and gives one back."""
    held, taken = 0, np.empty(count)
    for at in range(count):
        chance = random.random()
        held += (chance < 0.1 and held < most) - (chance > 0.9 and held > 0)
        taken[at] = held * size
    return taken


@dataclass(kw_only=True)
class Run:
    """`rests` of which each takes three looks, with as many under load before it; a warm-up before all.

    `per_join`, `per_utterance`: what leaks, by metric.
    """

    rests: int = 30
    joins: int = 150  # between two rests
    utterances: int = 600
    rest_s: float = 120.0
    seed: int = 0
    legs: int = 1
    rss_noise_kb: float = 1000.0
    heap_noise_kb: float = 40.0
    arena_kb: float = 1024.0
    correlation: float = 0.5
    per_join: dict[str, float] = field(default_factory=dict)
    per_utterance: dict[str, float] = field(default_factory=dict)

    def samples(self):
        return [each for leg in range(self.legs) for each in self._leg(leg)]

    def _leg(self, leg):
        random = np.random.default_rng([self.seed, leg])
        count = self.rests + 2  # two of the warm-up
        elapsed = np.arange(count)
        rss = 300_000 + 20_000 * leg + 15_000 * (1 - np.exp(-elapsed / 1.5)) + arenas(random, count, size=self.arena_kb)
        rss += remembering(random, count, deviation=self.rss_noise_kb, correlation=self.correlation)
        heap = 42_000 + 3_000 * (1 - np.exp(-elapsed / 0.5))
        heap += remembering(random, count, deviation=self.heap_noise_kb, correlation=self.correlation)
        engine = 400_000 + remembering(random, count, deviation=1500, correlation=self.correlation)
        found = []
        for at in range(count):
            done = leg * count + at
            values = {
                **STEADY,
                "rss_kb": rss[at],
                "heap_kb": heap[at],
                "heap_blocks": round(500_000 + 10 * (heap[at] - 45_000)),
                "engine_rss_kb": engine[at],
                "tree_rss_kb": rss[at] + engine[at],
                "pss_kb": 0.9 * (rss[at] + engine[at]),
            }
            for name, each in self.per_join.items():
                values[name] += np.floor(each * done * self.joins)
            for name, each in self.per_utterance.items():
                values[name] += np.floor(each * done * self.utterances)
            for look in range(6):
                loaded = look < 3
                more = (
                    {"peer_connections": 20, "open_files": 60, "rss_kb": 4000.0} if loaded else {"rss_kb": look - 4.0}
                )
                found.append(
                    Sample(
                        leg=leg,
                        at_s=(done + (look + 1) / 6) * self.rest_s,
                        phase=WARM_UP if at < 2 else LOAD if loaded else REST,
                        joins=(done + 1) * self.joins,
                        utterances=(done + 1) * self.utterances,
                        reconnects=done,
                        values={name: value + more.get(name, 0) for name, value in values.items()},
                    )
                )
        return found
