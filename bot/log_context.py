"""What a line of the log may say, and of what it is: a room's hashed id, a speaker's key, a request's id.

Bound in the task that does the work, these stand on every line of it and of the tasks it spawns, whoever writes it.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

from structlog.contextvars import bind_contextvars, clear_contextvars

ID_BYTES: Final = 6  # 12 hex digits: of a thousand rooms, two share an id once in 500 million processes
PURPOSE: Final = b"rooms in the log"  # so that the same secret serves nothing else


class _Key:
    """Of the process. Random unless it is set."""

    value = secrets.token_bytes(32)


def set_key(key: bytes) -> None:
    """From a secret that outlives the process, of any length: a room keeps its id across restarts.

    Without a secret, ids could be guessed back: tokens are short.
    """
    _Key.value = hashlib.blake2b(key, digest_size=32, person=PURPOSE).digest()


def room_id(token: str) -> str:
    """What stands for a room in the log: 12 hex digits, the same for the same token and key."""
    text = token.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, key=_Key.value, digest_size=ID_BYTES).hexdigest()


def about_room(token: str) -> None:
    """What this task and those that it spawns log from here on is about this room."""
    bind_contextvars(room=room_id(token))


def about_speaker(key: str) -> None:
    """`key` is the speaker's within the process, such as "3.7"; never a session id."""
    bind_contextvars(speaker=key)


def about_request(request_id: str) -> None:
    """What this task logs from here on is about this request, and about nothing that it was about before."""
    clear_contextvars()
    bind_contextvars(request=request_id)


def about_nothing() -> None:
    """This task goes on with something else."""
    clear_contextvars()


def text_of(error: BaseException) -> str:
    """An error as a line may have it. Ours say what happened, without ids and words; of all others, whose text may
    hold addresses or what somebody said, only the type is told.
    """
    ours = isinstance(getattr(type(error), "component", None), str)
    return (str(error) if ours else "") or type(error).__name__


def told(error: BaseException) -> str:
    """The same, with the type in any case."""
    name, text = type(error).__name__, text_of(error)
    return name if text == name else f"{name}: {text}"
