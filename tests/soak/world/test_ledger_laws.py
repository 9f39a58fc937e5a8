"""Whatever happens to what people say, the books tell it as it was."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import GAP_MARK
from soak.world.ledger import SETTLE_S, Caption, Counts, Ledger, Spoken

TEXT = """river candle garden pepper marble lantern bridge copper meadow saddle thunder velvet window basket anchor
    blanket carpet dolphin engine feather glacier hammer island jacket kettle ladder mirror needle orchard pencil quarry
    ribbon shovel teapot umbrella village walnut yellow zebra almond butter castle donkey elbow forest guitar harbour
    insect"""
WORDS = TEXT.split()
PHRASES = [" ".join(WORDS[at : at + 3]) for at in range(0, len(WORDS), 3)]
LENGTH_S = 2.0
LATENCY_S = 0.7

fates = st.sampled_from(
    ["captioned", "misheard", "unlike", "split", "joined", "marked", "silent", "unsent", "repeated", "repeated later"]
)
conversations = st.lists(st.tuples(fates, st.floats(0.9, 12.0)), max_size=len(PHRASES))


def play(conversation):
    """Everything said and shown, in the order of time; and how often each thing happened."""
    events, expected, again, now = [], Counter(), None, 0.0
    unmarked = []  # lost just now: a mark that came now would tell of them too
    joined = None
    for (fate, pause_s), text in zip(conversation, PHRASES, strict=False):
        first, last = now, now + LENGTH_S
        at = last + LATENCY_S
        events.append((last + 0.01, Spoken("ada", text, first, last, 0.2 if fate == "unsent" and not joined else 1.0)))
        shown = []
        if joined is not None:
            shown, fate, joined = [f"{joined}, {text}"], "joined to", None
            expected["received"] += 2
        elif fate == "joined":
            joined, pause_s = text, 0.4
        elif fate == "split":
            head, tail = text.split(" ", 1)
            shown = [f"{head.title()} …", tail]
        elif fate == "misheard":
            shown = [f"{text.rsplit(' ', 1)[0]} xylophone."]
        elif fate == "unlike":
            shown = ["Hm!"]
            expected["unlike"] += 1
        elif fate == "marked":
            shown = [GAP_MARK]
            for before in (lost for lost, ended in unmarked if at <= ended + SETTLE_S):
                expected[before] -= 1
                expected["marked"] += 1
        elif fate not in ("silent", "unsent"):
            shown = [text.capitalize()]
        if again is not None:  # from before: now that somebody else has spoken
            events.append((last + 0.3, Caption("ada", again, last + 0.3)))
            again = None
        events += [(at + 0.01 * index, Caption("ada", each, at + 0.01 * index)) for index, each in enumerate(shown)]
        if fate == "repeated":
            events.append((at + 0.1, Caption("ada", text, at + 0.1)))
        if fate == "repeated later":
            again = text
        expected["repeated"] += fate.startswith("repeated")
        if fate in ("marked", "silent", "unsent"):
            expected[fate] += 1
        elif fate not in ("joined", "joined to"):
            expected["received"] += 1
        unmarked = [*unmarked, (fate, last)] if fate in ("silent", "unsent") else []
        now = last + pause_s
    if again is not None:
        events.append((now + 0.3, Caption("ada", again, now + 0.3)))
    if joined is not None:
        expected["silent"] += 1
    return sorted(events, key=lambda event: event[0]), expected


def tell(ledger, event):
    return ledger.said(event) if isinstance(event, Spoken) else ledger.heard(event)


@settings(max_examples=300)
@given(conversations, st.booleans())
def test_the_books_count_what_happened_however_often_they_are_settled(conversation, often):
    ledger = Ledger("attic")
    events, expected = play(conversation)
    told = []
    for at, event in events:
        tell(ledger, event)
        if often:
            told += ledger.settle(at)
    told += ledger.close(10_000.0)
    assert ledger.counts == Counts(**expected)
    assert len(told) == sum(expected.values()) - expected["unlike"]


@given(st.lists(st.floats(0.5, 4.0), max_size=len(PHRASES)), st.floats(0.0, 40.0), st.floats(0.0, 20.0))
def test_however_long_captions_are_held_back_for_they_are_received(pauses, begins, lasts):
    """An outage: what falls due in it comes when it is over, in order."""
    events, now = [], 0.0
    for pause_s, text in zip(pauses, PHRASES, strict=False):
        last = now + LENGTH_S
        due = last + LATENCY_S
        at = max(due, begins + lasts) if due >= begins else due
        events += [(last, Spoken("ada", text, now, last)), (at, Caption("ada", text, at))]
        now = last + pause_s
    ledger = Ledger("attic")
    for at, event in sorted(events, key=lambda event: event[0]):
        tell(ledger, event)
        ledger.settle(at)
    ledger.close(10_000.0)
    assert ledger.counts == Counts(received=len(pauses))
