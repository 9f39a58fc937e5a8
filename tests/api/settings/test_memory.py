"""Memory is what the machine has, or what a control group lets us have of it."""

from __future__ import annotations

import psutil
import pytest

from api.settings.memory import memory_there_is

MACHINE = psutil.virtual_memory().total


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, MACHINE),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "512000000\n"}, 512_000_000),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, MACHINE),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": str(2**62)}, MACHINE),
        ({"proc/self/cgroup": "0::/\n"}, MACHINE),
        (  # a service with a limit, in a slice with a lower one
            {
                "proc/self/cgroup": "0::/talk.slice/roomscribe.service\n",
                "sys/fs/cgroup/talk.slice/memory.max": "300000000\n",
                "sys/fs/cgroup/talk.slice/roomscribe.service/memory.max": "400000000\n",
            },
            300_000_000,
        ),
        (  # a container that is told its path on the host, but has its own group at the root
            {"proc/self/cgroup": "0::/docker/abc\n", "sys/fs/cgroup/memory.max": "512000000\n"},
            512_000_000,
        ),
        (
            {
                "proc/self/cgroup": "5:cpu,cpuacct:/box\n4:memory:/box\n0::/\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
                "sys/fs/cgroup/memory/box/memory.limit_in_bytes": "256000000\n",
                "sys/fs/cgroup/cpu,cpuacct/box/memory.limit_in_bytes": "1\n",
            },
            256_000_000,
        ),
        ({"proc/self/cgroup": "0::/../../up\n", "sys/fs/cgroup/memory.max": "512000000\n"}, 512_000_000),
    ],
    ids=["none", "v2", "unlimited", "more than there is", "no file", "a slice", "a container", "v1", "above the root"],
)
def test_memory_is_what_the_machine_has_or_the_least_that_a_control_group_is_given(tmp_path, files, expected):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    assert memory_there_is(tmp_path) == expected
