"""Real Opus packets, real libopus. Frames are drawn, one character for 20 ms: 'o' a packet, 'x' a lost one, ' ' DTX.

'|' is a source's end, '!' word of a loss.
"""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.audio import FRAME
from pipeline.decoders import choose_decoder
from pipeline.encoded import EncodedFrame, Lost
from pipeline.judge import FrameJudge
from pipeline.opus_stream import SOURCE_END, Heard, OpusStream, SourceEnded
from soak.bench.voices import encoded
from soak.clip import shipped_clips
from tests.pipeline.test_hearing import Loudness

TICK = 960
CHOICE = choose_decoder()


@pytest.fixture(scope="module")
def speech():
    """Two seconds out of the middle of a clip, as packets."""
    pcm = next(clip for clip in shipped_clips() if clip.text).decode()
    middle = len(pcm) // 2
    return encoded(pcm[middle - 48_000 : middle + 48_000]).payloads


class Stream:
    """A speaker's stream, its decoder, and what came out."""

    def __init__(self, payloads, owes=0):
        self.stream = OpusStream(FrameJudge(Loudness(owes)))
        self.decoder = CHOICE.new()
        self.payloads = payloads
        self.at = 0

    def frames(self, drawing):
        frames = []
        for each in drawing:
            if each in "|!":
                frames.append(SOURCE_END if each == "|" else Lost(self.at, 50 * TICK))
                continue
            payload = None if each == "x" else self.payloads[self.at // TICK % len(self.payloads)]
            if each != " ":
                frames.append(EncodedFrame(payload, self.at, TICK, -1, False, self.at / 48_000))
            self.at += TICK
        return frames

    def decode(self, drawing):
        return self.stream.decode(self.decoder, self.frames(drawing))


def chunks(decoded):
    return [item.chunk for item in decoded.heard if isinstance(item, Heard)]


def test_packets_that_follow_each_other_become_one_chunk(speech):
    (chunk,) = chunks(Stream(speech).decode("ooo"))
    assert (chunk.start, len(chunk.pcm)) == (0, 3 * FRAME)


def test_the_next_batch_goes_on_where_the_last_ended(speech):
    stream = Stream(speech)
    stream.decode("oo")
    (chunk,) = chunks(stream.decode("o"))
    assert chunk.start == 2 * FRAME


def test_it_is_told_when_the_newest_packet_of_a_chunk_came_in(speech):
    decoded = Stream(speech).decode("ooo")
    assert decoded.heard[0].heard_at == pytest.approx(0.04)


def test_a_lost_packet_is_rebuilt_from_the_one_after_it(speech):
    whole, (damaged,) = (
        chunks(Stream(speech).decode("o" * 50))[0],
        chunks(Stream(speech).decode("o" * 20 + "x" + "o" * 29)),
    )

    assert len(damaged.pcm) == len(whole.pcm)
    gone = slice(20 * FRAME, 21 * FRAME)
    error = np.linalg.norm(whole.pcm[gone].astype(float) - damaged.pcm[gone])
    assert error < 0.7 * np.linalg.norm(whole.pcm[gone].astype(float))


def test_what_was_rebuilt_and_what_was_made_up_is_counted(speech):
    decoded = Stream(speech).decode("ooxxooox")
    assert decoded.decoded_s == pytest.approx(0.1)
    assert (decoded.recovered_s, decoded.concealed_s) == (pytest.approx(0.02), pytest.approx(0.04))


def test_what_is_lost_of_silence_is_made_up_and_told_apart_from_lost_speech(speech):
    stream = Stream([*speech, *encoded(np.zeros(48_000, dtype=np.int16)).payloads])
    decoded = stream.decode("ox" * 5 + "o" * (len(speech) - 10) + "ooooooxo")
    assert decoded.quiet_s == pytest.approx(0.02)


def test_a_sender_that_makes_no_copies_is_not_believed_to_be_silent():
    stream = Stream(encoded(np.zeros(48_000, dtype=np.int16)).payloads)
    decoded = stream.decode("ooxo")
    assert (decoded.quiet_s, decoded.concealed_s) == (0, pytest.approx(0.02))


def test_a_pause_without_packets_is_silence_of_the_same_length(speech):
    (chunk,) = chunks(Stream(speech).decode("o" + " " * 40 + "o"))
    assert len(chunk.pcm) == 42 * FRAME
    assert not chunk.pcm[FRAME : 41 * FRAME].any()


def test_no_chunk_is_longer_than_what_its_gaps_and_a_second_make(speech):
    found = chunks(Stream(speech).decode(("o" + " " * 45) * 60))
    assert max(len(chunk.pcm) for chunk in found) <= 2 * 50 * FRAME + FRAME
    assert sum(len(chunk.pcm) for chunk in found) == (60 * 46 - 45) * FRAME


def test_over_a_long_pause_media_time_jumps(speech):
    first, second = chunks(Stream(speech).decode("o" + " " * 100 + "o"))
    assert (first.end, second.start) == (FRAME, 101 * FRAME)


def test_what_cannot_be_decoded_is_made_up_and_the_rest_is_heard(speech):
    stream = Stream(speech)
    frames = stream.frames("ooo")
    frames[1] = frames[1]._replace(payload=b"\xff\xff")

    decoded = stream.stream.decode(stream.decoder, frames)

    assert decoded.undecodable == 1
    assert len(chunks(decoded)[0].pcm) == 3 * FRAME


def test_when_a_source_ends_the_verdicts_still_owed_come_with_it(speech):
    heard, ended = Stream(speech, owes=2).decode("ooo|").heard

    assert [len(heard.judged), len(ended.judged)] == [1, 2]
    assert isinstance(ended, SourceEnded)


def test_the_next_source_begins_at_any_timestamp_and_media_time_goes_on(speech):
    stream = Stream(speech)
    stream.decode("oo|")
    stream.at = 3_000_000_000

    (chunk,) = chunks(stream.decode("o"))

    assert chunk.start == 2 * FRAME


@given(st.lists(st.text("oox ", min_size=1, max_size=12), max_size=6))
def test_media_time_is_true_whatever_was_lost_and_however_it_was_batched(batches):
    stream = Stream([bytes([9 << 3])])
    heard = [chunk for drawing in batches for chunk in chunks(stream.decode(drawing))]

    assert all(later.start >= earlier.end for earlier, later in itertools.pairwise(heard))
    drawing = "".join(batches).strip(" ")
    assert (heard[-1].end - heard[0].start if heard else 0) == len(drawing) * FRAME
    assert sum(len(chunk.pcm) for chunk in heard) <= len(drawing) * FRAME


@pytest.mark.parametrize("drawing", ["oo!oo", "oo!xo", "ox!oo", "oo!|oo", "!oo"])
def test_word_of_a_loss_is_handed_on_in_its_place(speech, drawing):
    decoded = Stream(speech).decode(drawing)
    (place,) = (at for at, item in enumerate(decoded.heard) if isinstance(item, Lost))
    before = sum(len(item.chunk.pcm) for item in decoded.heard[:place] if isinstance(item, Heard))
    assert before == drawing.index("!") * FRAME
    assert sum(len(chunk.pcm) for chunk in chunks(decoded)) == (len(drawing) - 1 - drawing.count("|")) * FRAME
