"""The whole product in one async context manager: supervisor, engine and API. `serve` and the demo use it alike."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
from collections.abc import AsyncIterator, Callable

import aiohttp
from aiohttp import web

from bot import LocalAddresses, Supervisor, rejection
from signaling import AuthRejected, SessionSettings, SignalingUnreachable, probe

from .app import create_app
from .settings import Settings
from .settings_table import without_user

Extend = Callable[[web.Application], None]


class StartFailed(Exception):
    """The service cannot start; the message names the setting and the next step."""

    component = "api.service"


class Service:
    """A running service. `url` is where the API listens."""

    def __init__(self, supervisor: Supervisor, url: str) -> None:
        self.supervisor = supervisor
        self.url = url


@contextlib.asynccontextmanager
async def running(settings: Settings, extend: Extend | None = None) -> AsyncIterator[Service]:
    """Start the supervisor, then the API. `extend` may add routes. Raises `StartFailed`."""
    _check_addresses(settings.rooms.addresses)
    async with Supervisor(rooms=settings.rooms, engine=settings.engine) as supervisor:
        app = create_app(supervisor, secret=settings.http.secret, host=settings.http.host)
        if extend is not None:
            extend(app)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)
        await runner.setup()
        try:
            yield Service(supervisor, await _listen(runner, settings))
        finally:
            await runner.cleanup()


async def check_signaling(settings: Settings) -> str | None:
    """Greet the signaling server once. Returns a warning when it cannot be reached (it may come up later).

    Raises `StartFailed` when it refuses us, which waiting does not mend.
    """
    signaling = settings.rooms.signaling
    session = SessionSettings(url=signaling.url, credentials=signaling.credentials, answer_timeout_s=3.0)
    async with aiohttp.ClientSession() as http:
        try:
            await probe(http, session)
        except AuthRejected as error:
            raise StartFailed(str(rejection(error.code, str(error)))) from error
        except SignalingUnreachable as error:
            return (
                f"{error}. Check ROOMSCRIBE_HPB_URL ({without_user(signaling.url)}) and that the server is running. "
                "roomscribe starts all the same and tries again with the first call."
            )
    return None


def _check_addresses(addresses: LocalAddresses) -> None:
    """With an address of another host everything would seem to work, but no media would flow."""
    problems = [f"{address} ({problem})" for address in addresses.fixed if (problem := _unusable(address))]
    if problems:
        raise StartFailed(
            f"ROOMSCRIBE_ICE_ADDRESSES names what media cannot be received on: {', '.join(problems)}. Name addresses "
            "of this host, or `auto`"
        )


def _unusable(address: str) -> str | None:
    """Why no candidate can be offered with this address; None where one can."""
    ip = ipaddress.ip_address(address)
    if ip.is_unspecified or ip.is_multicast or address == "255.255.255.255":
        return "not an address of one host"
    try:
        with socket.socket(socket.AF_INET if ip.version == 4 else socket.AF_INET6, socket.SOCK_DGRAM) as udp:
            udp.bind((address, 0))
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            return "this host does not have it"
        return error.strerror or type(error).__name__
    return None


async def _listen(runner: web.AppRunner, settings: Settings) -> str:
    http = settings.http
    site = web.TCPSite(runner, http.host, http.port)
    try:
        await site.start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            problem = (
                f"ROOMSCRIBE_HTTP_PORT={http.port} is in use already: stop what listens there or choose another port"
            )
        elif error.errno == errno.EACCES:
            problem = f"ROOMSCRIBE_HTTP_PORT={http.port} may not be opened by this user: choose one above 1023"
        else:
            problem = f"ROOMSCRIBE_HTTP_HOST={http.host} cannot be listened on ({error.strerror})"
        raise StartFailed(problem) from error
    host, port = runner.addresses[0][:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
