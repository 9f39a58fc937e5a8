"""What holds of the readers, whoever asks, comes and goes in whatever order."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bot.targets import Targets
from signaling import Person

FORGET_S = 60.0
HOMES = {"s1": "nc-1", "s2": "nc-1", "s3": "nc-2", "s4": "nc-3", "phone": ""}
READERS = st.sampled_from(["nc-1", "nc-2", "nc-3"])
SESSIONS = st.sampled_from(sorted(HOMES))


class Room(RuleBasedStateMachine):
    """A model: who is present, and since when each reader is absent."""

    def __init__(self):
        super().__init__()
        self.targets = Targets(forget_after_s=FORGET_S)
        self.now = 0.0
        self.present = set()
        self.absent_since = {}  # of each reader; None: present
        self.asked = False  # did anybody ever?

    def sessions_of(self, reader):
        return {session_id for session_id in self.present if HOMES[session_id] == reader}

    def notice(self):
        for reader, since in self.absent_since.items():
            here = self.sessions_of(reader)
            self.absent_since[reader] = None if here else self.now if since is None else since

    @rule(reader=READERS)
    def somebody_asks(self, reader):
        self.targets.enable(reader, now=self.now)
        self.absent_since.setdefault(reader, None if self.sessions_of(reader) else self.now)
        self.asked = True

    @rule(reader=READERS)
    def somebody_has_enough(self, reader):
        self.targets.disable(reader, now=self.now)
        self.absent_since.pop(reader, None)

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

    @invariant()
    def exactly_the_present_sessions_of_the_readers_are_recipients(self):
        recipients = self.targets.recipients()
        assert len(recipients) == len(set(recipients))
        assert set(recipients) == {each for reader in self.absent_since for each in self.sessions_of(reader)}

    @invariant()
    def every_reader_is_counted_and_the_emptiness_is_measured(self):
        assert len(self.targets) == len(self.absent_since)
        idle_s = self.targets.idle_for(now=self.now)
        assert (idle_s is None) == (bool(self.absent_since) or not self.asked)
        assert idle_s is None or idle_s >= 0


TestAnyComingsAndGoings = Room.TestCase
