import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.embedded.tickets import Holder, Seal, Tickets

ALICE = Holder(user_id="alice", display_name="Älice \ud83d")


def test_a_ticket_gives_back_its_holder_until_it_expires():
    tickets = Tickets(b"key", ttl_s=60)
    ticket = tickets.issue(ALICE, now=100)
    assert tickets.check(ticket, now=159.9) == ALICE
    assert tickets.check(ticket, now=160) is None


def test_a_ticket_of_another_server_is_not_accepted():
    assert Tickets(b"this", ttl_s=60).check(Tickets(b"that", ttl_s=60).issue(ALICE, now=0), now=0) is None


def test_a_seal_for_one_purpose_does_not_open_another():
    assert Seal(b"key", purpose="resume").open(Seal(b"key", purpose="ticket").seal("text")) is None


@pytest.mark.parametrize("forged", ["", ".", "a.b", "ä.ö", "\ud800.\ud800", "no dot"])
def test_what_was_never_sealed_does_not_open(forged):
    assert Seal(b"key", purpose="any").open(forged) is None


@given(text=st.text(), at=st.integers(min_value=0), other=st.characters())
def test_a_seal_opens_as_it_was_made_and_breaks_at_any_change(text, at, other):
    seal = Seal(b"key", purpose="any")
    sealed = seal.seal(text)
    assert seal.open(sealed) == text
    at %= len(sealed)
    changed = sealed[:at] + other + sealed[at + 1 :]
    assert changed == sealed or seal.open(changed) is None
