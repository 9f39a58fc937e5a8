"""The real HPB and Janus for a test run: one stack a worker, in a network namespace (`soak.stack.namespace`).

Without the packages or the namespace these tests are skipped, and say so; where `CI` is set, that is a failure.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from soak.stack import Missing, find_programs
from soak.stack.namespace import media_address

MEDIA_ADDRESS = media_address()
HERE = Path(__file__).parent


def reason_to_skip() -> str:
    if not MEDIA_ADDRESS:
        return "no network namespace: run `python -m soak.stack.namespace pytest tests/realstack`"
    try:
        find_programs()
    except Missing as error:
        return str(error)
    return ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = reason_to_skip()
    ours = [item for item in items if HERE in item.path.parents]
    for item in ours:
        item.add_marker(pytest.mark.realstack)
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))
    if ours and reason and os.environ.get("CI"):
        pytest.exit(f"the real stack must be tested in CI: {reason}", returncode=1)
