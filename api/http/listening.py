"""Where the API listens: on an address, or on a socket file; and why it cannot, in words."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web

from api.settings.kinds import UNIX
from api.settings.load import HttpSettings
from bot import Metrics

from .gate import Gate, GatedSite

SHUTDOWN_S: Final = 2.0  # for requests that are being answered when the server closes
LINGER_S: Final = 2.0  # for the rest of a body that is not wanted, so that the answer to it is read


class StartFailed(Exception):
    """The service cannot start; the message names the setting and the next step."""

    component = "api.http.listening"


@contextlib.asynccontextmanager
async def listening(app: web.Application, http: HttpSettings, metrics: Metrics) -> AsyncIterator[str]:
    """Its URL, as long as the block lasts. Raises `StartFailed`."""
    gate = Gate(limit=http.max_connections, refused=metrics.http_refused)
    metrics.watch("roomscribe_http_connections", "HTTP connections open", lambda: len(gate))
    metrics.watch("roomscribe_http_connections_limit", "HTTP connections at once", lambda: gate.limit)
    runner = web.AppRunner(
        app, access_log=None, shutdown_timeout=SHUTDOWN_S, lingering_time=LINGER_S, auto_decompress=False, debug=False
    )
    await runner.setup()
    with contextlib.ExitStack() as leftovers:
        try:
            url = await _listen(runner, gate, http)
            if url.startswith(UNIX):  # only now is the file ours
                leftovers.callback(_remove, url.removeprefix(UNIX))
            yield url
        finally:
            await runner.cleanup()


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)


async def _listen(runner: web.AppRunner, gate: Gate, http: HttpSettings) -> str:
    if http.host.startswith(UNIX):
        _clear(http.host.removeprefix(UNIX))
    site = GatedSite(runner, gate=gate, host=http.host, port=http.port)
    try:
        await site.start()
    except OSError as error:
        raise StartFailed(_why_not(error, http)) from error
    if http.host.startswith(UNIX):
        return http.host
    host, port = runner.addresses[0][:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _clear(path: str) -> None:
    """A socket that nobody listens on any more is in the way. Raises `StartFailed` unless it can be removed."""
    place = f"ROOMSCRIBE_HTTP_HOST={UNIX}{path}"
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            raise StartFailed(f"{place} is there already, and is no socket: remove it")
        with socket.socket(socket.AF_UNIX) as other:
            other.setblocking(False)  # a process that is stuck takes no connection
            other.connect(path)
    except FileNotFoundError:
        return
    except ConnectionRefusedError:
        _remove(path)
        return
    except BlockingIOError:
        pass
    except OSError as error:
        raise StartFailed(f"{place} cannot be listened on ({error.strerror})") from error
    raise StartFailed(f"{place} is in use already: stop what listens there")


def _why_not(error: OSError, http: HttpSettings) -> str:
    if http.host.startswith(UNIX):
        return f"ROOMSCRIBE_HTTP_HOST={http.host} cannot be listened on ({error.strerror})"
    if error.errno == errno.EADDRINUSE:
        return f"ROOMSCRIBE_HTTP_PORT={http.port} is in use already: stop what listens there or choose another port"
    if error.errno == errno.EACCES:
        return f"ROOMSCRIBE_HTTP_PORT={http.port} may not be opened by this user: choose one above 1023"
    return f"ROOMSCRIBE_HTTP_HOST={http.host} cannot be listened on ({error.strerror})"
