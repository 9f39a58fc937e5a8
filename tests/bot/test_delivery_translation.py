"""Of a transcript and its translation, each reader gets the one it wished for when it was said, whatever comes then."""

from bot.delivery import MAX_AGE_S
from pipeline import Language
from signaling import PeopleJoined, SessionLost, TranscriptReceived
from tests.bot.post import READER, delivering, final, now, partial, reading, reads
from tests.signaling.callers import serving

RAVI = "nc-ravi"
BRITISH, AMERICAN = Language(id="en_GB", code="en"), Language(id="en_US", code="en")


def captions(reader):
    return [(each.text, each.language_id) for each in reader.messages if isinstance(each, TranscriptReceived)]


async def say(post, text, translation=None):
    """A transcript in German, and what is emitted for those who wish for English; None: what was said."""
    wishes = post.targets.wishes
    await post.outbox.put(final(text, language_id="de", wishes=wishes))
    if wishes:
        words = {"text": translation, "translated": True} if translation else {"text": text, "language_id": "de"}
        await post.outbox.put(final(**words, wishes=wishes, instead=True))


async def test_readers_of_different_wishes_get_their_own():  # D17
    async with (
        serving() as server,
        delivering(server.url) as (bot, post),
        reading(server) as rita,
        reading(server, "ravi", RAVI) as ravi,
        reading(server, "bert", "nc-bert") as bert,
    ):
        await bot.told(PeopleJoined, times=4)
        for reader, wish in (("nc-bert", None), (READER, BRITISH), (RAVI, AMERICAN)):
            post.targets.enable(reader, now=0, translation=wish)
        await say(post, "Guten Tag", "Good day")
        await say(post, "Unverständlich")
        await post.outbox.drained()

        for reader in (rita, ravi, bert):
            await reader.told(TranscriptReceived, times=2)
        assert captions(rita) == [("Good day", "en_GB"), ("Unverständlich", "de")]
        assert captions(ravi) == [("Good day", "en_US"), ("Unverständlich", "de")]
        assert captions(bert) == [("Guten Tag", "de"), ("Unverständlich", "de")]


async def test_who_reads_a_translation_gets_no_partials():
    async with serving() as server, delivering(server.url) as (bot, post), reading(server) as rita:
        await bot.told(PeopleJoined, times=2)
        post.targets.translate(READER, BRITISH)
        await post.outbox.put(partial("Gu"))
        await post.outbox.drained()
        await say(post, "Guten Tag", "Good day")

        await reads(rita, "Good day")


async def test_a_translation_does_not_take_the_partial_of_the_next_words_with_it():
    async with serving() as server, delivering(server.url) as (bot, post), reading(server) as rita:
        await bot.told(PeopleJoined, times=2)
        post.targets.enable(RAVI, now=0, translation=BRITISH)
        wishes = post.targets.wishes
        await post.outbox.put(partial("Und"))
        await post.outbox.put(final("Good day", wishes=wishes, instead=True, translated=True))

        await reads(rita, "Und")


async def test_a_wish_that_changes_on_the_way_changes_nothing_of_what_was_said_before():
    """The transcript is on its way, its translation is not made yet."""
    async with serving() as server, delivering(server.url) as (bot, post), reading(server) as rita:
        await bot.told(PeopleJoined, times=2)
        plain = post.targets.wishes
        await post.outbox.put(final("eins", language_id="de", wishes=plain))
        post.targets.translate(READER, BRITISH)
        translated = post.targets.wishes
        await post.outbox.put(final("zwei", language_id="de", wishes=translated))
        post.targets.translate(READER, None)
        await post.outbox.put(final("two", wishes=translated, instead=True, translated=True))
        await say(post, "drei", "three")

        await reads(rita, "eins", "two", "drei")


async def test_who_has_asked_no_more_gets_neither():
    async with serving() as server, delivering(server.url) as (bot, post), reading(server) as rita:
        await bot.told(PeopleJoined, times=2)
        post.targets.translate(READER, BRITISH)
        wishes = post.targets.wishes
        post.targets.disable(READER, now=0)
        await post.outbox.put(final("eins", language_id="de", wishes=wishes))
        await post.outbox.put(final("one", wishes=wishes, instead=True, translated=True))
        await post.outbox.drained()
        post.targets.enable(READER, now=0)
        await say(post, "zwei", "two")

        await reads(rita, "zwei")


async def test_what_was_said_while_the_reader_was_away_comes_in_the_language_it_wished_for():
    async with serving() as server, delivering(server.url) as (_, post):
        post.targets.translate(READER, BRITISH)
        await say(post, "eins", "one")
        await say(post, "zwei")
        await post.outbox.drained()

        async with reading(server) as rita:
            await say(post, "drei", "three")

            await reads(rita, "one", "zwei", "three")
            assert [language for _, language in captions(rita)] == ["en_GB", "de", "en_GB"]


async def test_what_an_outage_may_have_swallowed_comes_once_and_in_that_language():
    async with serving() as server, delivering(server.url) as (bot, post), reading(server) as rita:
        await bot.told(PeopleJoined, times=2)
        post.targets.translate(READER, BRITISH)
        await say(post, "eins", "one")
        server.cut(bot.client.session_id)
        await bot.told(SessionLost)
        await say(post, "zwei", "two")

        await reads(rita, "one", "two")
        assert {language for _, language in captions(rita)} == {"en_GB"}


async def test_the_newest_finals_tell_how_late_they_were_and_what_was_given_up_is_counted():
    async with serving() as server, delivering(server.url) as (bot, post), reading(server) as rita:
        await bot.told(PeopleJoined, times=2)
        assert post.delivery.latencies.quantile(0.5) is None
        await post.outbox.put(final("late", heard_at=now() - 2.0))
        await post.outbox.put(final("stale", heard_at=now() - MAX_AGE_S - 1))
        await reads(rita, "late")
        await post.outbox.drained()

        assert 2.0 <= post.delivery.latencies.quantile(0.95) < 10.0
        assert (post.delivery.sent, post.delivery.dropped) == (1, 1)


async def test_what_is_made_after_the_transcript_says_nothing_of_how_late_captions_are():
    async with serving() as server, delivering(server.url) as (bot, post), reading(server) as rita:
        await bot.told(PeopleJoined, times=2)
        post.targets.translate(READER, BRITISH)
        wishes = post.targets.wishes
        for text, details in (("one", {"translated": True}), ("zwei", {})):
            await post.outbox.put(final(text, wishes=wishes, instead=True, heard_at=now() - 9.0, **details))
        await reads(rita, "one", "zwei")
        await post.outbox.drained()

        assert post.delivery.latencies.quantile(0.5) is None
        count, sent = "roomscribe_caption_latency_seconds_count", "roomscribe_captions_total"
        assert [post.count(count, kind=kind) for kind in ("final", "translated")] == [0, 2]
        assert [post.count(sent, kind=kind) for kind in ("final", "translated")] == [0, 2]
