"""What every test gets: nothing it starts may outlive it, and one loaded model is shared by those that need it."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from pathlib import Path

import hypothesis
import pytest

from pipeline import EngineSettings, ModelSettings

hypothesis.settings.register_profile("ours", deadline=None)  # how long an example takes says nothing on a busy machine
hypothesis.settings.load_profile("ours")

LEAK_GRACE_S = 3.0  # threads of native libraries end a moment after they were told to


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole runs of the soak come first, each file's in another worker: whoever gets them last would be waited for.

    pytest-xdist gives each worker as many tests as the others, one stretch of the list.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    files: dict[Path, list[pytest.Item]] = {}
    others = []
    for item in items:
        if item.get_closest_marker("soak") is None:
            others.append(item)
        else:
            files.setdefault(item.path, []).append(item)
    stretch = -(-len(items) // workers)
    dealt: list[pytest.Item] = []
    for worker in range(workers):
        own = [item for path in sorted(files)[worker::workers] for item in files[path]]
        rest = max(0, stretch - len(own))
        dealt += [*own, *others[:rest]]
        del others[:rest]
    items[:] = [*dealt, *others]


@pytest.fixture(autouse=True)
def no_leaked_threads():
    """A decoder thread that survives its test is a peer connection that was not closed."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + LEAK_GRACE_S
    while leaked := [each for each in threading.enumerate() if each not in before and not _pool(each)]:
        if time.monotonic() > deadline:
            pytest.fail(f"threads survive the test: {[thread.name for thread in leaked]}")
        leaked[0].join(0.05)


@pytest.fixture(autouse=True)
async def no_leaked_tasks(request):
    """Every task has an owner that ended it. (A synchronous test has no loop, and nothing to leak.)"""
    yield
    deadline = time.monotonic() + LEAK_GRACE_S
    while leaked := [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]:
        if time.monotonic() > deadline:
            pytest.fail(f"tasks survive the test: {leaked}")
        await asyncio.wait(leaked, timeout=0.05)


def _pool(thread: threading.Thread) -> bool:
    return thread.name.startswith(("asyncio_", "ThreadPoolExecutor", "Chromium"))


@pytest.fixture(scope="session")
def engine_settings() -> EngineSettings:
    """The packaged model, as the demo uses it, found from any working directory."""
    root = str(Path(__file__).parent.parent)
    return EngineSettings(
        model=ModelSettings(download=False), environment={**os.environ, "PYTHONPATH": root}, restart_first_s=0.1
    )
