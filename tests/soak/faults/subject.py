"""What the faults of these tests strike: a small process that tells how it fares, and a scene that notes everything."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys

PROGRAM = """
import resource, sys

def opened():
    held = []
    try:
        while True:
            held.append(open("/dev/null"))
    except OSError as error:
        return len(held), error.errno

def written(path):
    try:
        with open(path, "ab") as file:
            file.write(b"a line")
        return 0
    except OSError as error:
        return error.errno

def born():
    import subprocess
    global child
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    return child.pid

print("ready", flush=True)
for line in sys.stdin:
    print(eval(line), flush=True)
"""


class Subject:
    """A process of its own."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout.readline() == "ready\n"
        self.pid = self._process.pid

    def ask(self, what):
        """What it finds when it evaluates this."""
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        return eval(self._process.stdout.readline())

    def becomes(self, *states):
        """Wait until it is in one of these states (`os.WSTOPPED` …), and leave it to others to take note of it."""
        options = os.WNOWAIT
        for each in states:
            options |= each
        return os.waitid(os.P_PID, self.pid, options).si_code

    def die(self):
        self._process.kill()
        self._process.wait()

    def close(self):
        self.die()
        self._process.stdin.close()
        self._process.stdout.close()


@contextlib.contextmanager
def subjects(number=1):
    with contextlib.ExitStack() as stack:
        made = [stack.enter_context(contextlib.closing(Subject())) for _ in range(number)]
        yield made[0] if number == 1 else made


class NotedScene:
    """Of what has no process, notes what was asked for."""

    def __init__(self, *, service=None, engine=None, has_real_stack=True):
        self._service = service
        self._engine = engine
        self.has_real_stack = has_real_stack
        self.noted = []
        self.struck = asyncio.Event()  # for strikes of a test's own
        self.flooded = asyncio.Event()
        self.clock = 0.0

    @property
    def pid(self):
        return self._service.pid

    def engine_pid(self):
        return self._engine.pid if self._engine is not None else None

    def now(self):
        self.clock += 1.0
        return self.clock

    def clock_shift(self, seconds):
        self.noted.append(("clock", seconds))

    def set_network(self, conditions, room=None):
        self.noted.append(("network", conditions, room))

    async def cut_sockets(self):
        self.noted.append(("cut",))

    async def restart_hpb(self, *, kill, down_s=0.0):
        self.noted.append(("hpb", kill, down_s))

    async def restart_janus(self, *, kill, down_s=0.0):
        self.noted.append(("janus", kill, down_s))

    async def flood(self, room):
        self.noted.append(("flood", room))
        self.flooded.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.noted.append(("back", room))
