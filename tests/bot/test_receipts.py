"""What the server has read is never sent twice, and what it has not read is never forgotten."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bot.receipts import IN_DOUBT_S, MAX_UNCONFIRMED, Receipts
from pipeline import FinalTranscript


def final(text):
    return FinalTranscript(speaker="1.1/ada", utterance=1, text=text, language_id="en", start=0, end=1, heard_at=0.0)


def texts(receipts, *, connection):
    return [each.final.text for each in receipts.in_doubt(connection=connection)]


@pytest.fixture
def receipts():
    return Receipts()


def test_what_was_answered_for_is_not_in_doubt(receipts):
    receipts.sent(final("one"), "rita", connection=1, now=0)
    number = receipts.ask(connection=1)

    receipts.answered(number)

    assert texts(receipts, connection=2) == []
    assert len(receipts) == 0


def test_what_was_not_answered_for_before_the_next_connection_is_in_doubt_in_its_order(receipts):
    for text in ("one", "two", "three"):
        receipts.sent(final(text), "rita", connection=1, now=0)
        number = receipts.ask(connection=1)
        if text == "one":
            receipts.answered(number)

    assert texts(receipts, connection=1) == []
    assert texts(receipts, connection=2) == ["two", "three"]


def test_an_answer_kept_for_us_by_the_server_clears_the_doubt(receipts):
    receipts.sent(final("one"), "rita", connection=1, now=0)
    before = receipts.ask(connection=1)
    after = receipts.ask(connection=2)

    receipts.answered(before)
    receipts.answered(after)

    assert texts(receipts, connection=2) == []


def test_an_answer_on_the_new_connection_says_nothing_of_the_old_one(receipts):
    receipts.sent(final("one"), "rita", connection=1, now=0)
    receipts.ask(connection=1)

    receipts.answered(receipts.ask(connection=2))

    assert texts(receipts, connection=2) == ["one"]


def test_an_answer_speaks_for_everything_before_it(receipts):
    receipts.sent(final("one"), "rita", connection=1, now=0)
    receipts.ask(connection=1)
    receipts.sent(final("two"), "rita", connection=1, now=0)

    receipts.answered(receipts.ask(connection=1))

    assert len(receipts) == 0


def test_one_final_to_many_readers_is_one_thing_in_doubt(receipts):
    one = final("one")
    for reader in ("rita", "bert"):
        receipts.sent(one, reader, connection=1, now=0)

    (doubtful,) = receipts.in_doubt(connection=2)
    assert doubtful.readers == ["rita", "bert"]


def test_what_was_sent_long_before_the_connection_broke_was_read(receipts):
    receipts.sent(final("old"), "rita", connection=1, now=0)
    receipts.sent(final("new"), "rita", connection=1, now=10)

    receipts.lost(now=IN_DOUBT_S + 1)

    assert texts(receipts, connection=2) == ["new"]


def test_a_server_that_never_answers_fills_no_memory(receipts):
    for number in range(MAX_UNCONFIRMED + 50):
        receipts.sent(final(str(number)), "rita", connection=1, now=0)
        receipts.ask(connection=1)

    assert len(receipts) == MAX_UNCONFIRMED
    assert len(receipts._asked) <= MAX_UNCONFIRMED


def test_an_unknown_answer_changes_nothing(receipts):
    receipts.sent(final("one"), "rita", connection=1, now=0)

    receipts.answered(99)

    assert texts(receipts, connection=2) == ["one"]


class Network(RuleBasedStateMachine):
    """A server that reads in order until its connection breaks, and keeps its answers for the next one."""

    def __init__(self):
        super().__init__()
        self.receipts = Receipts()
        self.connection = 1
        self.wire = []  # written, not read yet: finals and question numbers
        self.read = []  # finals that the server has read
        self.mailbox = []  # answers on their way to us
        self.count = 0

    def send(self, one):
        self.receipts.sent(one, "rita", connection=self.connection, now=0)
        self.wire.append(one)
        self.wire.append(self.receipts.ask(connection=self.connection))

    @rule()
    def a_final_is_sent(self):
        self.count += 1
        self.send(final(str(self.count)))

    @rule(items=st.integers(1, 5))
    def the_server_reads(self, items):
        for each in self.wire[:items]:
            (self.mailbox if isinstance(each, int) else self.read).append(each)
        del self.wire[:items]

    @rule()
    def answers_arrive(self):
        for number in self.mailbox:
            self.receipts.answered(number)
        self.mailbox.clear()

    @rule()
    def the_connection_breaks_and_is_resumed(self):
        if self.wire and isinstance(self.wire[0], int):
            self.the_server_reads(1)  # final and question are one write: they are read, or lost, together
        self.wire.clear()
        self.connection += 1
        self.answers_arrive()
        for sent in self.receipts.in_doubt(connection=self.connection):
            self.send(sent.final)
            self.receipts.settle(sent)

    @invariant()
    def nothing_is_read_twice_or_out_of_order(self):
        numbers = [int(each.text) for each in self.read]
        assert numbers == sorted(set(numbers))

    def teardown(self):
        self.the_server_reads(10**6)
        self.the_connection_breaks_and_is_resumed()
        self.the_server_reads(10**6)
        assert [int(each.text) for each in self.read] == list(range(1, self.count + 1))


TestNothingIsLostOrRepeated = Network.TestCase
