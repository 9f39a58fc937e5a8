import pytest

from tests.signaling.embedded.house import House


@pytest.fixture
def house():
    return House()
