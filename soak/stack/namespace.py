"""A network namespace for the real stack: loopback for signaling, one address for media, and no way out.

WebRTC in general, and Janus in particular, offers loopback addresses to nobody, so media needs an address that is not
one. `python -m soak.stack.namespace COMMAND …` runs a command in a namespace that has it. Linux only; as root, or where
users may make namespaces.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import Final

from api import environment

VARIABLE: Final = "ROOMSCRIBE_TEST_MEDIA_ADDRESS"
ADDRESS: Final = "10.77.0.1"
SET_UP: Final = """
set -e
ip link set lo up
ip link add media0 type veth peer name media1
ip address add "$ROOMSCRIBE_TEST_MEDIA_ADDRESS/24" dev media0
ip link set media0 up
ip link set media1 up
exec "$@"
"""
WAYS: Final = (("unshare", "--net"), ("unshare", "--user", "--map-root-user", "--net"))


class NoNamespace(Exception):
    """None can be made here."""

    component = "soak.stack"


def media_address() -> str:
    """The address for media of the namespace that we run in; empty outside one."""
    return environment().get(VARIABLE, "")


def run_inside(command: list[str]) -> None:
    """Become `command`, in a namespace of its own. Raises `NoNamespace`; else it does not return."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        raise NoNamespace("`unshare` and `ip` are needed: apt-get install util-linux iproute2")
    for way in WAYS:
        probe = [*way, "ip", "link", "add", "media0", "type", "veth", "peer", "name", "media1"]
        if subprocess.run(probe, check=False, stderr=subprocess.DEVNULL).returncode == 0:
            os.execvpe(way[0], [*way, "sh", "-c", SET_UP, "sh", *command], environment() | {VARIABLE: ADDRESS})
    raise NoNamespace("no network namespace can be made here: run it as root, or allow users to make namespaces")


def main() -> None:
    try:
        run_inside(sys.argv[1:])
    except NoNamespace as error:
        sys.stderr.write(f"{error}; the command runs without\n")
        os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
