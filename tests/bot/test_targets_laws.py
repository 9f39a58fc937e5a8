"""What holds of the readers, whoever asks, comes and goes in whatever order."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bot import NotATarget
from bot.targets import Targets
from pipeline import Language
from signaling import Person

FORGET_S = 60.0
HOMES = {"s1": "nc-1", "s2": "nc-1", "s3": "nc-2", "s4": "nc-3", "phone": ""}
READERS = st.sampled_from(["nc-1", "nc-2", "nc-3"])
WISHES = st.sampled_from([None, Language(id="en", code="en"), Language(id="en_US", code="en")])
SESSIONS = st.sampled_from(sorted(HOMES))


class Room(RuleBasedStateMachine):
    """A model: who is present, since when each reader is absent, and what it wishes for."""

    def __init__(self):
        super().__init__()
        self.targets = Targets(forget_after_s=FORGET_S)
        self.now = 0.0
        self.present = set()
        self.absent_since = {}  # of each reader; None: present
        self.wishes = {}
        self.taken = []  # what was seen of the wishes, and what they were then
        self.asked = False  # did anybody ever?

    def sessions_of(self, reader):
        return {session_id for session_id in self.present if HOMES[session_id] == reader}

    def notice(self):
        for reader, since in self.absent_since.items():
            here = self.sessions_of(reader)
            self.absent_since[reader] = None if here else self.now if since is None else since

    @rule(reader=READERS, wish=WISHES)
    def somebody_asks(self, reader, wish):
        self.targets.enable(reader, now=self.now, translation=wish)
        if wish is not None:
            self.wishes[reader] = wish
        self.absent_since.setdefault(reader, None if self.sessions_of(reader) else self.now)
        self.asked = True

    @rule(reader=READERS)
    def somebody_has_enough(self, reader):
        self.targets.disable(reader, now=self.now)
        self.absent_since.pop(reader, None)
        self.wishes.pop(reader, None)

    @rule(reader=READERS, wish=WISHES)
    def somebody_wishes(self, reader, wish):
        try:
            self.targets.translate(reader, wish)
        except NotATarget:
            assert reader not in self.absent_since
        else:
            assert reader in self.absent_since
            self.wishes[reader] = wish

    @rule(session_id=SESSIONS)
    def somebody_comes(self, session_id):
        here = Person(session_id=session_id, nextcloud_session_id=HOMES[session_id])
        self.targets.joined((here,), now=self.now)
        self.present.add(session_id)
        self.notice()

    @rule(session_id=SESSIONS)
    def somebody_goes(self, session_id):
        self.targets.left((session_id,), now=self.now)
        self.present.discard(session_id)
        self.notice()

    @rule()
    def the_signaling_session_is_a_new_one(self):
        self.targets.started(now=self.now)
        self.present.clear()
        self.notice()

    @rule(seconds=st.floats(0, 100))
    def time_passes(self, seconds):
        self.now += seconds
        self.targets.expire(now=self.now)
        for reader, since in list(self.absent_since.items()):
            if since is not None and self.now - since >= FORGET_S:
                del self.absent_since[reader]
                self.wishes.pop(reader, None)

    @invariant()
    def exactly_the_present_sessions_of_the_readers_without_a_wish_are_recipients(self):
        recipients = self.targets.recipients()
        plain = [reader for reader in self.absent_since if self.wishes.get(reader) is None]
        assert len(recipients) == len(set(recipients))
        assert set(recipients) == {each for reader in plain for each in self.sessions_of(reader)}

    @invariant()
    def the_wishes_are_those_of_the_readers_and_what_was_taken_of_them_stays(self):
        now = {reader: wish for reader, wish in self.wishes.items() if wish is not None}
        assert self.targets.wishes == now
        if not self.taken or self.taken[-1][0] is not self.targets.wishes:
            self.taken.append((self.targets.wishes, now))
        assert all(taken == then for taken, then in self.taken)

    @invariant()
    def every_reader_is_counted_and_the_emptiness_is_measured(self):
        assert len(self.targets) == len(self.absent_since)
        idle_s = self.targets.idle_for(now=self.now)
        assert (idle_s is None) == (bool(self.absent_since) or not self.asked)
        assert idle_s is None or idle_s >= 0


TestAnyComingsAndGoings = Room.TestCase
