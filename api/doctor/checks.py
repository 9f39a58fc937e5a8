"""What the doctor asks of others: the signaling server, the chat server, its STUN and TURN servers, the media server.

Each check is given what it needs, never raises, and has a time limit: its own, or that of whom it calls.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp
from aiortc import RTCIceServer

from api.settings.kinds import without_user
from bot import RoomSettings, SignalingSettings
from bot.errors import ADVICE
from bot.ice_check import Asked, Fault, ask_each
from bot.ice_servers import ChatServerSettings, IceServers, NotTold, plainly
from bot.media_check import MediaTrial, try_media
from signaling import (
    AuthRejected,
    Greeting,
    Obstacle,
    SessionSettings,
    SignalingUnreachable,
    hear_welcome,
    probe,
)

from .findings import Finding, Status, fail, ok, skipped, warn

WELCOME_S: Final = 5.0
HELLO_S: Final = 30.0  # HPB keeps a wrong secret waiting for up to 25 s
DATE_S: Final = 5.0
CLOCK_S: Final = 30.0  # credentials and certificates have limits of time
#: What captions need of a signaling server, and what they are worse without.
NEEDED: Final = {"mcu": "a media server"}
WANTED: Final = {"incall-all": "the end of a call"}
OLDEST: Final = (1, 1)  # the version that lets an internal client say that it is in the call

RESTART: Final = "Start the signaling server, and look whether a firewall or a proxy is in the way"
OBSTACLES: Final = {
    Obstacle.NAME: "Correct the host in ROOMSCRIBE_HPB_URL, or the DNS of this machine",
    Obstacle.REFUSED: "Nobody listens there. Start the signaling server, or correct ROOMSCRIBE_HPB_URL",
    Obstacle.SILENT: f"{RESTART}, or correct ROOMSCRIBE_HPB_URL",
    Obstacle.CERTIFICATE: "Have the signaling server show a certificate that this machine trusts, with the host of "
    "ROOMSCRIBE_HPB_URL in it, or name an authority of your own in SSL_CERT_FILE",
    Obstacle.NO_TLS: "Write http:// instead of https:// in ROOMSCRIBE_HPB_URL, or correct its port",
    Obstacle.NO_WEBSOCKET: "A web server is there, but no signaling server at this path. Correct ROOMSCRIBE_HPB_URL "
    "(behind a proxy it often ends in /standalone-signaling), and have the proxy pass websockets on",
    Obstacle.NO_WELCOME: "Something else listens there, or a signaling server before version 1.0. Correct "
    "ROOMSCRIBE_HPB_URL",
    Obstacle.OTHER: f"{RESTART}, or correct ROOMSCRIBE_HPB_URL",
}
FAULTS: Final = {
    Fault.NAME: "Correct the server's name in Talk's settings, or the DNS of this machine",
    Fault.SILENT: "Start the server, let UDP and TCP from this machine pass to its port, and have it speak TLS where "
    "its URL begins with turns:",
    Fault.UNREACHABLE: "Start the server, and let this machine reach its port",
    Fault.CERTIFICATE: "Give the TURN server a certificate that this machine trusts, or take its turns: URL out of "
    "Talk's settings",
    Fault.EXPIRED: "Set the clocks of this machine and of the chat server: it gives credentials for a day",
    Fault.CREDENTIALS: "Give Talk and the TURN server the same secret (coturn: `static-auth-secret`, with "
    "`use-auth-secret`)",
    Fault.REFUSED: "Look into the server's own log",
}
NOT_ANSWERED: Final = (
    "Start Janus, and look into the signaling server's log: is it connected to Janus (`[mcu]`, with `type = janus` and "
    "its `url`)?"
)
NOT_REACHED: Final = (
    "Let UDP pass between this machine and the media server (Janus: `rtp_port_range`, and `nat_1_1_mapping` behind "
    "NAT), set ROOMSCRIBE_ICE_ADDRESSES to the addresses of this machine that it can reach, or have Talk know a TURN "
    "server"
)
RSA: Final = (
    "Take `cert_pem`, `cert_key` and `rsa_private_key` out of the section `certificates` of janus.jcfg and restart "
    "Janus: it then makes an ECDSA certificate for itself. DTLS of WebRTC needs no certificate of an authority"
)
DIRECT: Final = "media must come the direct way: fine if the media server and this machine reach each other by UDP"


async def reach(http: aiohttp.ClientSession, signaling: SignalingSettings) -> Finding:
    """Is a signaling server there?"""
    url = without_user(signaling.url)
    try:
        welcome = await hear_welcome(http, signaling.url, timeout_s=WELCOME_S)
    except SignalingUnreachable as error:
        advice = OBSTACLES[error.obstacle]
        return fail("signaling server", f"not reached at {url}: {error}", advice)
    return ok("signaling server", f"welcomes us at {url}, version {welcome.version or 'unknown'}")


async def greet(http: aiohttp.ClientSession, signaling: SignalingSettings) -> tuple[Finding, Greeting | None]:
    """Does it take our secret? Asked once: it locks out an address that fails ten times."""
    session = SessionSettings(url=signaling.url, credentials=signaling.credentials, answer_timeout_s=HELLO_S)
    try:
        greeting = await probe(http, session, tries=1)
    except AuthRejected as error:
        advice = ADVICE.get(error.code, "Look into the signaling server's log")
        return fail("hello", str(error), advice.removesuffix(".")), None
    except SignalingUnreachable as error:
        limited = "too_many_requests" in str(error)
        advice = "Correct ROOMSCRIBE_HPB_SECRET, then wait for half an hour or restart it: it locks out who fails often"
        return fail("hello", str(error), advice if limited else RESTART), None
    return ok("hello", "the internal secret (ROOMSCRIBE_HPB_SECRET) is taken"), greeting


def judge_features(greeting: Greeting) -> Finding:
    """Is the server one that captions can be made with?"""
    said = f"version {greeting.version or 'unknown'}"
    missing = {name: what for name, what in NEEDED.items() if name not in greeting.features}
    if missing:
        lacks = ", ".join(f"`{name}` ({what})" for name, what in missing.items())
        advice = "Set up Janus, and the section `[mcu]` of the signaling server's configuration"
        return fail("features", f"{said}, without {lacks}", advice)
    lesser = {name: what for name, what in WANTED.items() if name not in greeting.features}
    if lesser or _older(greeting.version):
        lacks = ", ".join(f", without `{name}` ({what})" for name, what in lesser.items())
        return warn("features", f"{said}{lacks}", "Update the signaling server")
    return ok("features", f"{said}, with a media server")


def _older(version: str) -> bool:
    """Than `OLDEST`; not where it cannot be told."""
    parts = version.lstrip("v").split(".")[:2]
    return len(parts) == len(OLDEST) and all(map(str.isdecimal, parts)) and tuple(map(int, parts)) < OLDEST


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """STUN and TURN servers: all that the chat server tells, and those of them that media would use."""

    listed: tuple[RTCIceServer, ...] = ()
    chosen: tuple[RTCIceServer, ...] = ()


async def ask_chat_server(http: aiohttp.ClientSession, settings: ChatServerSettings) -> tuple[Finding, Servers]:
    """Which STUN and TURN servers are there?"""
    name = "chat server"
    if not settings.secret:
        why = "not asked for its STUN and TURN servers: ROOMSCRIBE_APP_SECRET is not set"
        return skipped(name, why), Servers()
    try:
        listed, chosen = await IceServers(http, settings).listed()
    except NotTold as error:
        advice = "Correct ROOMSCRIBE_NEXTCLOUD_URL and ROOMSCRIBE_APP_SECRET, and enable Talk and this app there"
        answer = f"does not tell its STUN and TURN servers at {without_user(settings.url)}: {error}"
        return fail(name, answer, advice), Servers()
    number = "1 STUN or TURN URL" if len(listed) == 1 else f"{len(listed)} STUN and TURN URLs"
    return ok(name, f"tells {number}"), Servers(listed=listed, chosen=chosen)


async def ask_ice_servers(servers: Servers, *, relay_only: bool) -> list[Finding]:
    """Do they answer, and relay?"""
    if not servers.listed and relay_only:
        advice = "Have Talk know a TURN server and set ROOMSCRIBE_APP_SECRET, or set ROOMSCRIBE_ICE_POLICY=all"
        return [fail("STUN and TURN", "none, and ROOMSCRIBE_ICE_POLICY=relay allows no other way", advice)]
    if not servers.listed:
        advice = "If they do not, have Talk know a TURN server, and set ROOMSCRIBE_APP_SECRET"
        return [warn("STUN and TURN", f"none: {DIRECT}", advice)]
    chosen = {str(each.urls) for each in servers.chosen}
    return [judge_ice_server(each, chosen=each.url in chosen) for each in await ask_each(servers.listed)]


def judge_ice_server(asked: Asked, *, chosen: bool) -> Finding:
    """`chosen`: media would use it. What fails elsewhere takes nothing away."""
    name = "STUN" if asked.url.startswith("stun") else "TURN"
    url = without_user(asked.url) + (" (the one in use)" if chosen else "")
    if asked.fault is None:
        does = "answers, and sees us at" if name == "STUN" else "relays from"
        return ok(name, f"{url} {does} a {asked.sees} address, {asked.took_s:.2f} s")
    if asked.fault is Fault.UNUSABLE:
        return skipped(name, f"{url}: {asked.reason}")
    return (fail if chosen else warn)(name, f"{url}: {asked.reason}", FAULTS[asked.fault])


async def check_media(
    http: aiohttp.ClientSession, settings: RoomSettings, servers: Servers
) -> tuple[list[Finding], int]:
    """Publish to the media server, and subscribe. Also returns the sockets that a subscription takes; 0: not known."""
    trial = await try_media(http, settings, servers.chosen)
    return judge_media(trial), trial.sockets


def judge_media(trial: MediaTrial) -> list[Finding]:
    """Is the media server reached, with what certificate, and does audio come back from it?"""
    server, certificate, audio = "media server", "certificate", "audio"
    if trial.connected_s is None:
        advice = NOT_REACHED if trial.answered else NOT_ANSWERED if trial.entered else RESTART
        return [
            fail(server, trial.problem or "not reached", advice),
            skipped(certificate, "the media server's is not known"),
            skipped(audio, "there is no way for it"),
        ]
    heard = trial.heard_s is not None
    findings = [ok(server, f"reached in {trial.connected_s:.2f} s, by a {trial.way or 'local'} candidate")]
    if trial.certificate.startswith("EC") or (heard and trial.certificate):
        findings.append(ok(certificate, f"the media server's is {trial.certificate}"))
    elif trial.certificate:
        findings.append(fail(certificate, f"the media server's is {trial.certificate}; ECDSA is needed", RSA))
    else:
        findings.append(skipped(certificate, "the media server's cannot be told"))
    if heard:
        findings.append(ok(audio, f"comes back from the media server in {trial.heard_s:.2f} s"))
    else:
        reason = "See the certificate" if findings[-1].status is Status.FAIL else NOT_REACHED
        findings.append(fail(audio, trial.problem or "does not come back from the media server", reason))
    return findings


async def check_clock(http: aiohttp.ClientSession, chat_server: str) -> Finding:
    """Is it the same time here and there?"""
    name = "clock"
    began = datetime.now(UTC)
    try:
        async with asyncio.timeout(DATE_S), http.get(chat_server, allow_redirects=False) as response:
            date = response.headers.get("Date", "")
    except (aiohttp.ClientError, OSError) as error:  # a `TimeoutError` is one
        return skipped(name, f"the chat server (ROOMSCRIBE_NEXTCLOUD_URL) is not reached: {plainly(error)}")
    return judge_clock(date, began + (datetime.now(UTC) - began) / 2)


def judge_clock(date: str, now: datetime) -> Finding:
    """`date` as HTTP writes it."""
    name = "clock"
    try:
        theirs = parsedate_to_datetime(date)
        ahead_s = (now - (theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC))).total_seconds()
    except (ValueError, OverflowError):
        return skipped(name, "the chat server does not tell its time")
    if abs(ahead_s) <= CLOCK_S:
        return ok(name, f"within {max(abs(ahead_s), 1):.0f} s of the chat server's")
    side = "ahead of" if ahead_s > 0 else "behind"
    advice = "Set the clocks (NTP): TURN credentials and certificates are good for a time only"
    return warn(name, f"{abs(ahead_s):.0f} s {side} the chat server's", advice)
