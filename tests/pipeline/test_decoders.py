from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import opus, opus_av
from pipeline.audio import FRAME
from pipeline.decoders import (
    LONGEST_PACKET,
    MAX_IDLE,
    DecoderPool,
    NoDecoder,
    UndecodablePacket,
    choose_decoder,
)
from pipeline.errors import PipelineError
from tests.pipeline.opus_packets import NONSENSE, decoded, packets

DITHER = 4  # of av's resampler: random noise of the last bits

both_kinds = pytest.mark.parametrize("kind", ["libopus", "av"])


def new(kind="libopus"):
    return choose_decoder(kind).new()


def closed(decoder):
    try:
        decoder.conceal(1)
    except ValueError:
        return True
    return False


def same(one, other):
    return len(one) == len(other) and bool(np.all(np.abs(one.astype(int) - other) <= DITHER))


# What every decoder promises


@both_kinds
@pytest.mark.parametrize("payload", [b"", NONSENSE, b"\x03", b"\xff" * 4000], ids=["empty", "long", "cut off", "huge"])
def test_nonsense_is_refused_and_the_next_packet_is_decoded(kind, payload):
    decoder, undisturbed = new(kind), new(kind)
    before, after = packets()[:40], packets()[40:80]
    assert same(decoded(decoder, before), decoded(undisturbed, before))
    with pytest.raises(UndecodablePacket) as caught:
        decoder.decode(payload)
    assert isinstance(caught.value, PipelineError)
    assert caught.value.component == "pipeline.decoders"
    assert str(caught.value)
    assert same(decoded(decoder, after), decoded(undisturbed, after))


@both_kinds
def test_what_it_gives_belongs_to_the_caller(kind):
    decoder, untouched = new(kind), new(kind)
    for number, payload in enumerate(packets(loss_percent=20)[:50]):
        mine = decoder.recover(payload, FRAME) if number % 5 == 4 else decoder.decode(payload)
        kept = mine.copy()
        theirs = untouched.recover(payload, FRAME) if number % 5 == 4 else untouched.decode(payload)
        assert same(mine, theirs)
        decoder.conceal(0)
        decoder.recover(packets(loss_percent=20)[30], 0)
        assert np.array_equal(mine, kept)
        mine[:] = 12_345  # whatever is done with it, the decoder does not hear it


@both_kinds
def test_after_a_reset_it_is_as_new(kind):
    decoder = new(kind)
    decoded(decoder, packets()[:70])
    decoder.conceal(LONGEST_PACKET)
    decoder.reset()
    assert not decoder.conceal(FRAME).any()
    decoder.reset()
    assert same(decoded(decoder, packets()[70:]), decoded(new(kind), packets()[70:]))


@both_kinds
def test_a_closed_decoder_says_so_and_can_be_closed_again(kind):
    decoder = new(kind)
    decoder.close()
    decoder.close()
    for call in (
        lambda: decoder.decode(packets()[0]),
        lambda: decoder.recover(packets()[0], FRAME),
        lambda: decoder.conceal(FRAME),
        decoder.reset,
    ):
        with pytest.raises(ValueError, match="closed"):
            call()


def damaged(draw):
    payload = bytearray(draw(st.sampled_from(packets(loss_percent=20) + packets(ms=60))))
    for _ in range(draw(st.integers(0, 4))):
        payload[draw(st.integers(0, len(payload) - 1))] = draw(st.integers(0, 255))
    return bytes(payload[: draw(st.integers(0, len(payload)))])


payloads = st.one_of(st.binary(max_size=200), st.sampled_from(packets()), st.composite(damaged)())
counts = st.one_of(st.integers(0, 3 * LONGEST_PACKET), st.just(FRAME))
calls = st.one_of(
    st.tuples(st.just("decode"), payloads),
    st.tuples(st.just("recover"), payloads, counts),
    st.tuples(st.just("conceal"), counts),
    st.tuples(st.just("reset")),
)


@both_kinds
@settings(deadline=None)
@given(script=st.lists(calls, max_size=30))
def test_any_bytes_give_samples_or_are_refused_and_every_loss_has_its_length(kind, script):
    decoder = new(kind)
    for name, *arguments in script:
        try:
            pcm = getattr(decoder, name)(*arguments)
        except UndecodablePacket:
            assert name == "decode"
            continue
        if name == "reset":
            continue
        assert pcm.dtype == np.int16
        assert pcm.ndim == 1
        assert 0 < len(pcm) <= LONGEST_PACKET if name == "decode" else len(pcm) == arguments[-1]


# The choice


def test_libopus_is_chosen_where_there_is_one():
    choice = choose_decoder()
    assert choice.name == f"libopus {opus.load().version}"
    assert choice.native
    assert choice.reason == ""
    assert len(choice.new().decode(packets()[0])) == FRAME


def test_av_can_be_asked_for():
    choice = choose_decoder("av")
    assert choice.name.startswith("av ")
    assert not choice.native
    assert choice.reason == "av was asked for"


@pytest.fixture
def without_libopus(monkeypatch):
    monkeypatch.setattr(opus, "copies", lambda: iter(["libnonesuch.so.0"]))


@pytest.mark.usefixtures("without_libopus")
def test_without_libopus_av_decodes_and_the_choice_says_why():
    choice = choose_decoder()
    assert not choice.native
    assert "libnonesuch.so.0" in choice.reason
    assert len(choice.new().decode(packets()[0])) == FRAME


@pytest.mark.usefixtures("without_libopus")
def test_libopus_that_was_asked_for_and_is_not_there_is_an_error_that_says_what_to_install():
    with pytest.raises(NoDecoder, match=r"libnonesuch.*install the system package libopus0") as caught:
        choose_decoder("libopus")
    assert caught.value.component == "pipeline.decoders"


@pytest.mark.usefixtures("without_libopus")
@pytest.mark.parametrize("preference", ["auto", "av"])
def test_without_any_decoder_nothing_is_chosen(monkeypatch, preference):
    monkeypatch.setattr(opus_av, "CODEC", "nonesuch")
    with pytest.raises(NoDecoder, match="install the system package libopus0"):
        choose_decoder(preference)


def test_an_unknown_preference_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="expected one of auto, libopus, av, got 'speex'"):
        choose_decoder("speex")


# The pool


def test_a_decoder_that_was_given_back_is_used_again_and_remembers_nothing():
    pool = DecoderPool(new)
    decoder = pool.take()
    decoded(decoder, packets()[:50])
    pool.give_back(decoder)
    assert pool.take() is decoder
    assert pool.made == 1
    assert np.array_equal(decoded(decoder, packets()), decoded(new(), packets()))


def test_speakers_at_the_same_time_have_decoders_of_their_own():
    pool = DecoderPool(new)
    assert pool.take() is not pool.take()
    assert (pool.in_use, pool.idle, pool.made) == (2, 0, 2)


def test_a_pool_keeps_a_few_idle_decoders_and_closes_the_rest():
    pool = DecoderPool(new)
    taken = [pool.take() for _ in range(MAX_IDLE + 3)]
    for decoder in taken:
        pool.give_back(decoder)
    assert (pool.in_use, pool.idle) == (0, MAX_IDLE)
    assert [closed(decoder) for decoder in taken] == [False] * MAX_IDLE + [True] * 3


def test_what_was_not_taken_here_is_left_alone():
    pool, stranger = DecoderPool(new), new()
    pool.give_back(stranger)
    assert pool.idle == 0
    assert not closed(stranger)


def test_a_closed_pool_keeps_nothing():
    pool = DecoderPool(new)
    used, idle = pool.take(), pool.take()
    pool.give_back(idle)
    pool.close()
    assert closed(idle)
    assert not closed(used)
    pool.give_back(used)
    assert closed(used)
    assert (pool.in_use, pool.idle) == (0, 0)


def test_a_decoder_that_cannot_be_made_is_not_counted():
    def refuse():
        raise MemoryError

    pool = DecoderPool(refuse)
    with pytest.raises(MemoryError):
        pool.take()
    assert (pool.in_use, pool.made) == (0, 0)


@settings(deadline=None)
@given(moves=st.lists(st.one_of(st.just("take"), st.just("again"), st.integers(0, 9)), max_size=60))
def test_nobody_shares_a_decoder_and_few_are_kept_whatever_comes(moves):
    pool, held, returned = DecoderPool(new, max_idle=3), [], []
    for move in moves:
        if move == "take":
            decoder = pool.take()
            assert decoder not in held
            assert not closed(decoder)
            held.append(decoder)
        elif move == "again" and returned and returned[-1] not in held:
            pool.give_back(returned[-1])
        elif isinstance(move, int) and held:
            returned.append(held.pop(move % len(held)))
            pool.give_back(returned[-1])
        assert pool.in_use == len(held)
        assert pool.idle <= 3
        assert pool.made >= pool.in_use + pool.idle
    pool.close()
