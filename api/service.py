"""The whole product in one async context manager: API, supervisor, engine. `serve` and the demo use it alike.

The API listens first and stops listening last: while the model is loaded, and while the last words are delivered, it
says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import aiohttp
from aiohttp import web

from bot import LocalAddresses, Supervisor, rejection
from signaling import AuthRejected, SessionSettings, SignalingUnreachable, probe

from .http.app import create_app
from .http.appapi import Reporter
from .http.auth import Auth
from .http.listening import StartFailed, listening
from .settings.load import Settings

Extend = Callable[[web.Application], None]


class Service:
    """A running service. `url` is where the API listens."""

    def __init__(self, supervisor: Supervisor, url: str, auth: Auth, reporter: Reporter) -> None:
        self.supervisor = supervisor
        self.url = url
        self.auth = auth
        self.reporter = reporter


@contextlib.asynccontextmanager
async def running(settings: Settings, extend: Extend | None = None) -> AsyncIterator[Service]:
    """Start the API, then the supervisor. `extend` may add routes. Raises `StartFailed`."""
    check_addresses(settings.rooms.addresses)
    chat = settings.rooms.chat_server
    supervisor = Supervisor(rooms=settings.rooms, engine=settings.engine)
    auth = Auth(secrets=settings.http.secrets, app_secret=chat.secret, app_id=chat.app_id)
    reporter = Reporter(supervisor)
    app = create_app(
        supervisor, settings.http, auth=auth, reporter=reporter, app_id=chat.app_id, app_version=chat.app_version
    )
    if extend is not None:
        extend(app)
    async with listening(app, settings.http, supervisor.metrics) as url, supervisor:
        connector = aiohttp.TCPConnector(ssl=settings.rooms.verify_tls)
        async with aiohttp.ClientSession(connector=connector) as http, _attended(reporter.run(http)):
            yield Service(supervisor, url, auth, reporter)


async def check_signaling(settings: Settings) -> None:
    """Greet the signaling server once. One that cannot be reached may come up later, and is no error.

    Raises `RoomFailed` when it refuses us, which waiting does not mend.
    """
    signaling = settings.rooms.signaling
    session = SessionSettings(url=signaling.url, credentials=signaling.credentials, answer_timeout_s=3.0)
    connector = aiohttp.TCPConnector(ssl=settings.rooms.verify_tls)
    async with aiohttp.ClientSession(connector=connector) as http:
        try:
            await probe(http, session)
        except AuthRejected as error:
            raise rejection(error.code, str(error)) from error
        except SignalingUnreachable:
            return  # `SignalingWatch` says so, and when that changes


@contextlib.asynccontextmanager
async def _attended(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """A task that lives as long as the block, which is not told of it and whose exceptions stay as they are."""
    tasks = asyncio.TaskGroup()
    await tasks.__aenter__()
    task = tasks.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await tasks.__aexit__(None, None, None)


def check_addresses(addresses: LocalAddresses) -> None:
    """With an address of another host everything would seem to work, but no media would flow. Raises `StartFailed`."""
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
