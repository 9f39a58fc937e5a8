"""Why a request was refused, in the protocol's own words."""

from __future__ import annotations

from .replies import Payload


class Refused(Exception):
    """A request the client must correct; it is answered by an `error` with this code and changes nothing else."""

    def __init__(self, code: str, message: str, *, details: Payload | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.details = details


def invalid_format(message: str = "Invalid data format.") -> Refused:
    return Refused("invalid_format", message)


def no_such_session() -> Refused:
    return Refused("no_such_session", "The session to resume does not exist.")


def too_many_requests() -> Refused:
    return Refused("too_many_requests", "Too many requests.")
