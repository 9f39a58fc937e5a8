"""What holds of admission, whoever comes and goes in whatever room, and whatever memory does."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bot.admission import FREE_AGAIN, KEEP_S, MB, Admission, AdmissionSettings, Places

ROOMS, NAMES = ("a", "b", "c"), ("1", "2", "3", "4")
MAX_TOTAL, MAX_ROOM, MARK = 4, 3, 1000 * MB
ROOM, SOME = st.sampled_from(ROOMS), st.frozensets(st.sampled_from(NAMES), min_size=1, max_size=3)


class Process(RuleBasedStateMachine):
    """A model: who is in which room's call, who of them is heard, and who was left waiting, in that order."""

    def __init__(self):
        super().__init__()
        settings = AdmissionSettings(max_rooms=3, max_total_speakers=MAX_TOTAL, memory_limit_mb=MARK // MB)
        self.admission = Admission(settings)
        self.places = {room: self.made(room) for room in ROOMS}
        self.wanted = {room: frozenset() for room in ROOMS}
        self.heard = {room: frozenset() for room in ROOMS}
        self.kept = dict.fromkeys(ROOMS, (0, 0.0))  # how many, until when
        self.line = []
        self.full = False
        self.now = 0.0

    def made(self, room):
        return Places(self.admission, room=room, max_speakers=MAX_ROOM)

    def held(self, room):
        kept, until = self.kept[room]
        return max(len(self.heard[room]), kept if self.now < until else 0)

    @rule(room=ROOM, names=SOME)
    def some_come(self, room, names):
        self.wanted[room] |= names
        self.a_room_looks_after_its_speakers(room)

    @rule(room=ROOM, names=SOME)
    def some_go(self, room, names):
        self.wanted[room] -= names
        self.a_room_looks_after_its_speakers(room)

    @rule(memory=st.sampled_from([0, int(MARK * FREE_AGAIN) - 1, int(MARK * FREE_AGAIN), MARK, MARK + 1]))
    def memory_is_looked_at(self, memory):
        self.admission.observe(memory=memory)
        self.full = memory > MARK or (self.full and memory >= MARK * FREE_AGAIN)

    @rule(seconds=st.sampled_from([0.1, KEEP_S / 2, KEEP_S]))
    def time_passes(self, seconds):
        self.now += seconds

    @rule(room=ROOM)
    def a_room_looks_after_its_speakers(self, room):
        places, before = self.places[room], self.heard[room] & self.wanted[room]
        self.heard[room] = before
        without_asking = self.held(room) - len(before)
        fitting = min(len(self.wanted[room] - before), MAX_ROOM - len(before))

        started = places.seat(self.wanted[room], heard=before, now=self.now)

        self.heard[room] |= set(started)
        assert len(self.heard[room]) == len(before) + len(started) <= MAX_ROOM
        assert set(places.waiting) == self.wanted[room] - self.heard[room]
        assert len(started) >= min(without_asking, fitting)
        asked = started[without_asking:]
        assert not (self.full and asked)
        for name in asked:  # there was a place for each who had waited for longer, too
            ahead = self.line[: self.line.index((room, name))] if (room, name) in self.line else self.line
            assert self.admission.speakers + sum(other != room for other, _ in ahead) <= MAX_TOTAL
        in_line = places.waiting[: MAX_ROOM - len(self.heard[room])]
        self.line = [(other, name) for other, name in self.line if other != room or name in in_line]
        self.line += [(room, name) for name in in_line if (room, name) not in self.line]

    @rule(room=ROOM)
    def a_room_makes_its_session_anew(self, room):
        self.places[room].keep(self.heard[room], now=self.now)
        self.kept[room] = (self.held(room), self.now + KEEP_S)
        self.wanted[room] = self.heard[room] = frozenset()
        self.a_room_looks_after_its_speakers(room)

    @rule(room=ROOM)
    def a_room_is_over_and_another_begins(self, room):
        self.places[room].leave()
        self.places[room], self.kept[room] = self.made(room), (0, 0.0)
        self.wanted[room] = self.heard[room] = frozenset()
        self.line = [(other, name) for other, name in self.line if other != room]

    @rule()
    def no_place_stays_empty_for_which_somebody_waits(self):
        for _ in range(2):  # in the first round, places may become free after others have asked
            for room in ROOMS:
                self.a_room_looks_after_its_speakers(room)
        assert self.full or self.admission.speakers == MAX_TOTAL or not self.line

    @invariant()
    def who_is_heard_has_a_place_and_there_are_no_more_than_the_setting_says(self):
        assert sum(map(len, self.heard.values())) <= self.admission.speakers <= MAX_TOTAL

    @invariant()
    def what_is_used_up_is_told_with_its_setting(self):
        reasons = " ".join(self.admission.no_room(rooms=0).values())
        assert ("ROOMSCRIBE_MEMORY_LIMIT_MB" in reasons) == self.full
        assert ("ROOMSCRIBE_MAX_TOTAL_SPEAKERS" in reasons) == (self.admission.speakers == MAX_TOTAL)


TestAnyComingsAndGoings = Process.TestCase
