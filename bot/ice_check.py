"""Does a STUN server answer, does a TURN server relay? Each is asked once, for real, in the way that aiortc asks it."""

from __future__ import annotations

import asyncio
import enum
import ipaddress
import os
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from aioice import stun, turn
from aiortc import RTCIceServer
from aiortc.rtcicetransport import parse_stun_turn_uri

LIMIT_S: Final = 5.0  # for one server
GIVE_BACK_S: Final = 1.0  # for a TURN server to take its relayed address back
STUN_WAITS_S: Final = (0.5, 1.0, 2.0)  # between repeats: UDP loses packets
MAX_SERVERS: Final = 20  # asked of one list
UNAUTHORISED: Final = (401, 431, 441)  # RFC 8489 and 8656: who does not know the user, or the password


class Fault(enum.Enum):
    UNUSABLE = "unusable"  # aiortc has no such transport, or the URL is none
    NAME = "name"  # it cannot be resolved
    SILENT = "silent"  # no answer in time
    UNREACHABLE = "unreachable"  # nobody listens there, or there is no way
    CERTIFICATE = "certificate"  # TLS fails
    EXPIRED = "expired"  # the credentials were good until a time that has passed
    CREDENTIALS = "credentials"  # they are refused
    REFUSED = "refused"  # anything else that the server says


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What came of one server. `sees` is the kind of address that it sees us at, or relays from; `reason` is for
    people, and has no address in it.
    """

    url: str
    took_s: float
    sees: str = ""
    fault: Fault | None = None
    reason: str = ""


class _Failed(Exception):
    component = "bot.ice_check"

    def __init__(self, fault: Fault, reason: str) -> None:
        super().__init__(reason)
        self.fault = fault


async def ask_each(servers: Sequence[RTCIceServer]) -> list[Asked]:
    """Ask the first `MAX_SERVERS` at the same time. The answers are in the order of the servers."""
    async with asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(ask(server)) for server in servers[:MAX_SERVERS]]
    return [each.result() for each in asked]


async def ask(server: RTCIceServer) -> Asked:
    """Ask one server, which has one URL. Never raises, and takes `LIMIT_S` and `GIVE_BACK_S` at most."""
    clock = asyncio.get_running_loop().time
    url, began = str(server.urls), clock()
    try:
        async with asyncio.timeout(LIMIT_S):
            address = await _ask(url, server)
        return Asked(url=url, took_s=clock() - began, sees=kind_of(address))
    except _Failed as failed:
        return Asked(url=url, took_s=clock() - began, fault=failed.fault, reason=str(failed))
    except TimeoutError:
        return Asked(url=url, took_s=clock() - began, fault=Fault.SILENT, reason="no answer in time")


def kind_of(address: str) -> str:
    """`public`, `private` or `loopback`: as much of an address as anybody needs to be told."""
    ip = ipaddress.ip_address(address)
    if ip.is_loopback:
        return "loopback"
    return "public" if ip.is_global else "private"


def expired_for(username: str, *, wallclock: float) -> float | None:
    """Seconds since temporary credentials have run out; None where they have not, or are not temporary.

    Their user name begins with the time until which they are good (TURN REST API).
    """
    until, colon, _ = username.partition(":")
    if not colon or not until.isascii() or not until.isdecimal():
        return None
    late_s = wallclock - int(until)
    return late_s if late_s > 0 else None


async def _ask(url: str, server: RTCIceServer) -> str:
    """The address that it sees, or relays from."""
    try:
        parsed = parse_stun_turn_uri(url)
    except ValueError:
        raise _Failed(Fault.UNUSABLE, "this is no STUN or TURN URL that aiortc can read") from None
    scheme, transport = parsed["scheme"], parsed.get("transport", "udp")
    if (scheme, transport) not in (("stun", "udp"), ("turn", "udp"), ("turn", "tcp"), ("turns", "tcp")):
        raise _Failed(Fault.UNUSABLE, f"aiortc does not speak {scheme} over {transport}")
    try:
        if scheme == "stun":
            return await _see(parsed["host"], parsed["port"])
        return await _allocate((parsed["host"], parsed["port"]), server, transport=transport, tls=scheme == "turns")
    except (socket.gaierror, UnicodeError):
        raise _Failed(Fault.NAME, "its name cannot be resolved") from None
    except ssl.SSLError as error:
        untrusted = isinstance(error, ssl.SSLCertVerificationError)
        said = "its certificate is not trusted here" if untrusted else "it does not speak TLS as we do"
        raise _Failed(Fault.CERTIFICATE, said) from None
    except TimeoutError:
        raise
    except OSError as error:
        # Not `error.strerror`, in which asyncio puts the address.
        raise _Failed(Fault.UNREACHABLE, os.strerror(error.errno) if error.errno else "no connection") from None


async def _see(host: str, port: int) -> str:
    """A binding request. aiortc asks by IPv4."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, family=socket.AF_INET, type=socket.SOCK_DGRAM)
    address = str(found[0][4][0])
    transport, protocol = await loop.create_datagram_endpoint(_Binding, remote_addr=(address, port))
    try:
        for wait_s in STUN_WAITS_S:
            transport.sendto(bytes(protocol.request))
            await asyncio.wait([protocol.answer], timeout=wait_s)
            if protocol.answer.done():
                break
        return await protocol.answer
    finally:
        transport.close()


class _Binding(asyncio.DatagramProtocol):
    """One STUN request; `answer` is the address that the server saw it come from."""

    def __init__(self) -> None:
        self.request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
        self.answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        try:
            message = stun.parse_message(data)
        except ValueError:
            return
        if message.transaction_id != self.request.transaction_id or self.answer.done():
            return
        seen = message.attributes.get("XOR-MAPPED-ADDRESS") or message.attributes.get("MAPPED-ADDRESS")
        if message.message_class == stun.Class.RESPONSE and seen:
            self.answer.set_result(seen[0])
        else:
            self.answer.set_exception(_Failed(Fault.REFUSED, _refusal(message)))

    def error_received(self, exc: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(exc)


async def _allocate(address: tuple[str, int], server: RTCIceServer, *, transport: str, tls: bool) -> str:
    """Have an address relayed, and give it back."""
    try:
        relay, protocol = await turn.create_turn_endpoint(
            _Relayed,
            server_addr=address,
            username=server.username,
            password=server.credential,
            ssl=tls or None,
            transport=transport,
        )
    except stun.TransactionFailed as error:
        raise _refused(error.response, server) from None
    except stun.TransactionTimeout:
        raise TimeoutError from None
    relayed: str = relay.get_extra_info("sockname")[0]
    relay.close()
    await asyncio.wait([protocol.gone], timeout=GIVE_BACK_S)
    return relayed


class _Relayed(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.gone.done():
            self.gone.set_result(None)


def _refused(response: stun.Message, server: RTCIceServer) -> _Failed:
    if response.error_code not in UNAUTHORISED:
        return _Failed(Fault.REFUSED, _refusal(response))
    late_s = expired_for(server.username or "", wallclock=time.time())
    if late_s is not None:
        return _Failed(Fault.EXPIRED, f"the credentials ran out {late_s:.0f} s ago")
    return _Failed(Fault.CREDENTIALS, "the credentials are refused")


def _refusal(message: stun.Message) -> str:
    return f"it answers with error {message.error_code or 'of no number'}"
