"""`roomscribe healthcheck`: does the service run that these settings describe? For the image, and for scripts.

It asks `/healthz`, as the process alone can answer; whether captions can be made tells `/readyz`.
"""

from __future__ import annotations

import http.client
import socket
from typing import Final

import typer

from .settings.environment import environment
from .settings.kinds import UNIX
from .settings.of_listening import LISTENING
from .settings.values import value_of
from .terminal import complain

EXIT_ILL: Final = 1  # Docker knows 0 and 1 only
TIMEOUT_S: Final = 5.0
PATH: Final = "/healthz"
#: Whoever listens on all addresses is asked on loopback.
EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def healthcheck() -> None:
    """Ask the service whether it runs: 0 if it does, else 1. Settings come from the environment, as for `serve`."""
    # No others: a secret that is just being replaced is not asked for.
    host, port = (value_of(each, environment()) for each in LISTENING)
    problem = host.problem or port.problem or ask(host.value, port.value)
    if problem:
        complain(problem)
        raise typer.Exit(EXIT_ILL)


def ask(host: str, port: int, *, timeout_s: float = TIMEOUT_S) -> str:
    """What is wrong with the service that listens there; empty: it runs."""
    if not port and not host.startswith(UNIX):
        return "ROOMSCRIBE_HTTP_PORT=0 leaves the port to the system, so nobody knows it: set one"
    connection = _connection(host, port, timeout_s)
    try:
        connection.request("GET", PATH)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"{PATH} is not answered ({getattr(error, 'strerror', None) or type(error).__name__})"
    finally:
        connection.close()
    return "" if status == http.client.OK else f"{PATH} is answered with {status}"


def _connection(host: str, port: int, timeout_s: float) -> http.client.HTTPConnection:
    if host.startswith(UNIX):
        return _UnixConnection(host.removeprefix(UNIX), timeout_s)
    return http.client.HTTPConnection(EVERYWHERE.get(host, host), port, timeout=timeout_s)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
