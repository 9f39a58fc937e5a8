"""HPB, Janus and the stand-in for the chat server, in the order in which they need each other.

Signaling stays on 127.0.0.1. Media needs an address that is not loopback: Janus does not offer loopback to anybody.
"""

from __future__ import annotations

import asyncio
import secrets
import signal
import string
import tempfile
from importlib import resources
from pathlib import Path
from typing import Final

from .nextcloud import Nextcloud
from .process import NotStarted, Program
from .programs import Programs

BASE_PORT: Final = 18_000
PORTS_EACH: Final = 10
RTP_PORTS_EACH: Final = 1000
RTP_BASE: Final = 20_000


class StackFailed(Exception):
    """The stack could not be started; the message says which part, with its last words."""

    component = "soak.stack"


class RealStack:
    """An async context manager. `number` keeps the ports of several stacks apart; `media_address` is where Janus is
    reached. The faults are methods: `restart_hpb`, `kill_janus` …
    """

    def __init__(
        self, programs: Programs, *, media_address: str, number: int = 0, rsa_certificate: bool = False
    ) -> None:
        self._rsa = rsa_certificate
        base = BASE_PORT + number * PORTS_EACH
        self.hpb_port, self._backend_port, self._janus_port = base, base + 1, base + 2
        self._programs = programs
        self._media_address = media_address
        self._rtp = RTP_BASE + number * RTP_PORTS_EACH
        self.internal_secret = secrets.token_hex(16)
        self._backend_secret = secrets.token_hex(16)
        self._folder = tempfile.TemporaryDirectory(prefix="realstack-")
        self.chat = Nextcloud(
            port=self._backend_port, hpb_url=f"http://127.0.0.1:{self.hpb_port}", secret=self._backend_secret
        )
        self.hpb = self._program("hpb", [str(programs.hpb), "--config", self._path("server.conf")], self.hpb_port)
        self.janus = self._program(
            "janus",
            [str(programs.janus), "-F", self._folder.name, "-C", self._path("janus.jcfg"), "--disable-colors"],
            self._janus_port,
        )

    @property
    def url(self) -> str:
        """The address of the signaling server."""
        return f"http://127.0.0.1:{self.hpb_port}"

    @property
    def backend_url(self) -> str:
        """The address of the chat server, as a setting of ours names it."""
        return self.chat.url

    async def __aenter__(self) -> RealStack:
        self._configure()
        await self.chat.__aenter__()
        try:
            await self.janus.start()  # first: HPB retries with long pauses
            await self.hpb.start()
        except NotStarted as error:
            await self.__aexit__()
            raise StackFailed(str(error)) from error
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.hpb.stop()
        await self.janus.stop(signal.SIGKILL)
        await self.chat.__aexit__()
        self._folder.cleanup()

    def turn_server(self) -> Program:
        """A TURN server at the media address, and Talk's settings that name it. For its owner to start and stop."""
        port, lowest = self.hpb_port + 3, self._rtp + RTP_PORTS_EACH // 2
        self.chat.turn_secret = secrets.token_hex(16)
        self.chat.turn_urls = (
            f"turns:{self._media_address}:{port}?transport=tcp",
            f"turn:{self._media_address}:{port}?transport=udp",
        )
        command = [
            *("turnserver", "-n", "--no-cli", "--no-tls", "--no-dtls", "--log-file", "stdout", "--realm", "test"),
            *("--listening-ip", self._media_address, "--listening-port", str(port), "--relay-ip", self._media_address),
            *("--min-port", str(lowest), "--max-port", str(lowest + 100), "--pidfile", self._path("turn.pid")),
            *("--use-auth-secret", "--static-auth-secret", self.chat.turn_secret, "--userdb", self._path("turn.db")),
        ]
        log = Path(self._path("turn.log"))
        return Program("turnserver", command, port=port, log=log, address=self._media_address)

    # What a chat server does, and the fast tests know from the embedded server.

    def issue_ticket(self, *, user_id: str, display_name: str) -> str:
        return self.chat.issue_ticket(user_id=user_id, display_name=display_name)

    async def set_in_call(self, room: str, *, nextcloud_session_id: str, flags: int) -> None:
        await self.chat.set_in_call(room, nextcloud_session_id=nextcloud_session_id, flags=flags)

    async def end_call(self, room: str) -> None:
        await self.chat.end_call(room)

    def count_joins(self, room: str) -> int:
        """How often HPB asked whether somebody may enter the room."""
        return self.chat.joins.get(room, 0)

    # The faults.

    async def restart_hpb(self, how: signal.Signals = signal.SIGTERM) -> None:
        await self.hpb.stop(how)
        await self.hpb.start()

    async def restart_janus(self, how: signal.Signals = signal.SIGTERM) -> None:
        await self.janus.stop(how)
        await self.janus.start()

    async def bounce(self, program: Program, *, kill: bool, down_s: float = 0.0) -> None:
        """Stop `hpb` or `janus`, and start it after a while: it is up again even where this is cancelled meanwhile."""
        await program.stop(signal.SIGKILL if kill else signal.SIGTERM)
        try:
            await asyncio.sleep(down_s)
        finally:
            await program.start()

    def log_of(self, name: str) -> str:
        """What `hpb` or `janus` wrote so far."""
        return Path(self._path(f"{name}.log")).read_text(errors="replace")

    def _program(self, name: str, command: list[str], port: int) -> Program:
        return Program(name, command, port=port, log=Path(self._path(f"{name}.log")))

    def _path(self, name: str) -> str:
        return str(Path(self._folder.name) / name)

    def _configure(self) -> None:
        values = {
            "hpb_port": self.hpb_port,
            "backend": self.chat.url,
            "janus_port": self._janus_port,
            "internal_secret": self.internal_secret,
            "backend_secret": self._backend_secret,
            "hash_key": secrets.token_hex(16),
            "block_key": secrets.token_hex(8),
            "folder": self._folder.name,
            "library": self._programs.janus_library,
            "media_address": self._media_address,
            "rsa": "rsa_private_key = true" if self._rsa else "",
            "rtp_range": f"{self._rtp}-{self._rtp + RTP_PORTS_EACH // 2 - 1}",
        }
        for file in resources.files("soak.stack").joinpath("conf").iterdir():
            text = string.Template(file.read_text()).substitute(values)
            Path(self._path(file.name)).write_text(text)
