"""Each peer connection gathers from the addresses it was told, whatever others do at the same time."""

import asyncio

import aioice
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import LOOPBACK, InvalidAddress, LocalAddresses
from bot import ice as ice_module

PATIENCE_S = 10.0
ANOTHER = LocalAddresses(("127.0.0.2",), auto=False)  # all of 127/8 is the loopback


async def gathered(addresses=None):
    """The addresses of the candidates that one agent finds."""
    agent = aioice.Connection(ice_controlling=True, use_ipv6=False)
    try:
        async with asyncio.timeout(PATIENCE_S):
            if addresses is None:
                await agent.gather_candidates()
            else:
                with addresses.gathering():
                    await agent.gather_candidates()
        return {candidate.host for candidate in agent.local_candidates}
    finally:
        await agent.close()


async def test_loopback_only_gathers_from_loopback_only():
    assert await gathered(LOOPBACK) == {"127.0.0.1"}


async def test_several_fixed_addresses_are_all_gathered_from():
    assert await gathered(LocalAddresses(("127.0.0.1", "127.0.0.3"), auto=False)) == {"127.0.0.1", "127.0.0.3"}


async def test_outside_of_a_choice_aioice_finds_what_it_always_found():
    before = await gathered()
    await gathered(LOOPBACK)

    assert await gathered() == before
    assert "127.0.0.1" not in before


async def test_fixed_addresses_stand_beside_the_found_ones():
    assert await gathered(LocalAddresses(("127.0.0.1",), auto=True)) == {"127.0.0.1"} | await gathered()


async def test_the_choices_of_two_that_gather_at_once_do_not_mix():
    for _ in range(5):
        found = await asyncio.gather(gathered(LOOPBACK), gathered(ANOTHER), gathered(LOOPBACK), gathered())

        assert found[:3] == [{"127.0.0.1"}, {"127.0.0.2"}, {"127.0.0.1"}]
        assert not found[3] & {"127.0.0.1", "127.0.0.2"}


async def test_a_choice_that_begins_while_another_gathers_leaves_that_one_alone():
    both_in, first_done = asyncio.Barrier(2), asyncio.Event()

    async def first():
        with LOOPBACK.gathering():
            await both_in.wait()
            found = await gathered()
        first_done.set()
        return found

    async def second():
        with ANOTHER.gathering():
            await both_in.wait()
            await first_done.wait()
            return await gathered()

    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        one, two = tasks.create_task(first()), tasks.create_task(second())

    assert (one.result(), two.result()) == ({"127.0.0.1"}, {"127.0.0.2"})


def test_an_address_of_the_wrong_family_is_left_out():
    with LocalAddresses(("127.0.0.1", "::1"), auto=False).gathering():
        assert aioice.ice.get_host_addresses(True, False) == ["127.0.0.1"]
        assert aioice.ice.get_host_addresses(False, True) == ["::1"]
        assert aioice.ice.get_host_addresses(True, True) == ["127.0.0.1", "::1"]


def test_a_choice_ends_even_when_the_gathering_failed():
    before = aioice.ice.get_host_addresses(True, True)

    with pytest.raises(ZeroDivisionError), LOOPBACK.gathering():
        raise ZeroDivisionError

    assert aioice.ice.get_host_addresses(True, True) == before


def test_the_installed_aioice_can_be_told_its_addresses():
    ice_module.check()


def test_an_aioice_that_cannot_be_told_its_addresses_is_noticed_at_the_start(monkeypatch):
    async def gather_candidates(self):
        """Finds its addresses in some other way."""

    monkeypatch.setattr(aioice.ice.Connection, "gather_candidates", gather_candidates)

    with pytest.raises(RuntimeError, match=r"aioice 0\.13"):
        ice_module.check()


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("", LocalAddresses()),
        ("auto", LocalAddresses()),
        (" , ", LocalAddresses()),
        ("127.0.0.1", LOOPBACK),
        ("127.0.0.1, auto", LocalAddresses(("127.0.0.1",), auto=True)),
        ("10.0.0.1,::1 , 10.0.0.1", LocalAddresses(("10.0.0.1", "::1"), auto=False)),
        ("2001:DB8:0::1", LocalAddresses(("2001:db8::1",), auto=False)),
    ],
)
def test_a_list_of_addresses_is_read(text, addresses):
    assert LocalAddresses.parse(text) == addresses


@pytest.mark.parametrize("text", ["eth0", "localhost", "10.0.0", "10.0.0.1 10.0.0.2", "Auto", "10.0.0.0/8"])
def test_what_is_no_address_is_refused_and_quoted(text):
    with pytest.raises(InvalidAddress, match=text):
        LocalAddresses.parse(f"127.0.0.1,{text}")


@given(addresses=st.lists(st.ip_addresses().map(str), unique=True), auto=st.booleans())
def test_whatever_list_of_addresses_is_written_is_read_as_such(addresses, auto):
    text = ",".join([*addresses, *(["auto"] if auto else [])])

    assert LocalAddresses.parse(text) == LocalAddresses(tuple(addresses), auto=auto or not addresses)
