"""What a soak was asked for. It is the first line of its journal, so that a run that is resumed is the same run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from soak.world.profile import Churn, Goal, Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Attach:
    """A roomscribe that somebody else has started, and what it was told of our signaling server."""

    url: str
    secret: str
    signaling_port: int
    internal_secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`plant`: a leak that is put into the service, to see that it is found. `command` repeats the run. `attached`: the
    service is one that runs already; what it has in it is not ours to say.
    """

    profile: Profile
    command: str
    seed: int = 1
    real_stack: bool = False
    plant: str = ""
    attached: bool = False

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Options:
        """Raises `KeyError` and `TypeError` where it is of another version."""
        profile = dict(told["profile"])
        profile["churn"] = Churn(**profile["churn"])
        profile["goal"] = Goal(**profile["goal"])
        profile["pause_s"] = tuple(profile["pause_s"])
        return cls(**{**told, "profile": Profile(**profile)})
