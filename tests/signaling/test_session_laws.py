"""What holds for every sequence of inputs, likely or not: nothing raises, and the promises to the server are kept.

The machine below is the shell in small: it knows whether a socket is open and when the alarm rings, and it checks
every command against that.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from signaling import ErrorReply, RoomEntered, SessionLost, SessionRejected, SessionResumed, SessionStarted
from signaling.messages import HelloReply, RoomReply
from signaling.session import Dial, Emit, Hangup, Send, State, Wake
from tests.signaling.greetings import BOT, BYE, INPUTS, MESSAGES, PERSON, feed, new, refused, welcomed_as

SEATS = st.sampled_from([{"credentials": BOT}, {"credentials": PERSON, "room_session": "nc"}, {"room": ""}])
TIMED = (State.CONNECTING, State.GREETING, State.JOINING, State.WAITING)


@given(seat=SEATS, said=st.lists(st.tuples(st.sampled_from(INPUTS), st.floats(0, 100)), max_size=60))
def test_no_sequence_of_inputs_raises_and_every_wake_lies_in_the_future(seat, said):
    session, now = new(**seat), 0.0
    for what, passed in said:
        now += passed
        for command in feed(session, what, now=now):
            assert not isinstance(command, Wake) or command.at is None or command.at > now


@given(seat=SEATS, said=st.lists(st.sampled_from(INPUTS), max_size=40))
def test_after_the_end_nothing_is_said_or_dialled(seat, said):
    session = new(**seat)
    session.start(now=0)
    session.shutdown()

    answers = [command for what in said for command in feed(session, what, now=1)]

    assert session.state is State.CLOSED
    assert set(answers) <= {Hangup()}


class Shell(RuleBasedStateMachine):
    @initialize(seat=SEATS)
    def begin(self, seat):
        self.session = new(**seat)
        self.now, self.alarm = 0.0, None
        self.open = self.dialling = False
        self.entered = None  # the session id whose room join was confirmed
        self.established_at = None
        self.resume_ids = []
        self.said_bye = False
        self.tries = 0  # since the session was last stable
        self.session_id = ""
        self.do(self.session.start(now=self.now))

    def do(self, commands, *, floor=0.0):
        for command in commands:
            assert not self.said_bye or not isinstance(command, Send | Dial), "a word after the bye"
            match command:
                case Dial():
                    assert not self.open, "dialled with a socket in the hand"
                    self.dialling = True
                case Hangup():
                    self.open = self.dialling = False
                case Wake(at):
                    assert at is None or at > self.now
                    self.alarm = at
                    if self.session.state is State.WAITING:
                        wait = max(floor, min(2.0, 0.5 * 2**self.tries))
                        assert at == pytest.approx(self.now + wait)
                        self.tries += 1
                case Send(message):
                    self.say(command, message)
                case Emit(event):
                    self.hear(event)

    def say(self, command, message):
        assert self.open, "said into nothing"
        if command == BYE:
            self.said_bye = True
        if message["type"] == "room":
            assert self.session_id != self.entered, "joined a room that it is in"
        if "resumeid" in message.get("hello", {}):
            assert message["hello"]["resumeid"] == self.resume_ids[-1]

    def hear(self, event):
        match event:
            case SessionStarted(session_id=session_id):
                self.session_id, self.entered = session_id, None
            case SessionResumed(session_id=session_id):
                assert session_id == self.session_id
            case RoomEntered():
                self.entered = self.session_id
            case SessionLost():
                self.established_at = None
            case SessionRejected():
                self.said_bye = True  # from here on, silence

    @precondition(lambda self: self.dialling)
    @rule()
    def the_socket_opens(self):
        self.open, self.dialling = True, False
        self.do(self.session.opened(now=self.now))

    @precondition(lambda self: self.dialling or self.open)
    @rule()
    def the_network_breaks(self):
        self.open = self.dialling = False
        self.do(self.session.lost("broken", now=self.now))

    @precondition(lambda self: self.alarm is not None)
    @rule()
    def the_alarm_rings(self):
        self.now, self.alarm = self.alarm, None
        stable = self.session.state is State.ESTABLISHED
        self.do(self.session.woke(now=self.now))
        if stable:
            self.tries = 0

    @precondition(lambda self: self.open)
    @rule(what=st.sampled_from(sorted(MESSAGES)))
    def the_server_says(self, what):
        self.hears(MESSAGES[what])

    @precondition(lambda self: self.open)
    @rule(number=st.integers(1, 3))
    def the_server_greets(self, number):
        self.hears(welcomed_as(f"s{number}", f"r{number}"))

    @precondition(lambda self: self.open)
    @rule()
    def the_server_answers_as_it_should(self):
        if self.session.state is State.GREETING:
            self.hears(welcomed_as(self.session_id or "s1"))
        elif self.session.state is State.JOINING:
            self.hears(RoomReply(room_id="attic"))

    @precondition(lambda self: self.open)
    @rule(code=st.text(), request_id=st.none() | st.sampled_from(["hello", "join", "offer:x"]))
    def the_server_complains(self, code, request_id):
        self.hears(ErrorReply(code=code, request_id=request_id))

    def hears(self, message):
        if isinstance(message, HelloReply) and self.session.state is State.GREETING:
            self.resume_ids.append(message.resume_id)
        limited = message == refused("too_many_requests") and self.session.state is State.GREETING
        self.do(self.session.received(message, now=self.now), floor=30.0 if limited else 0.0)

    @rule(seconds=st.floats(0, 9))
    def time_passes(self, seconds):
        self.now = min(self.now + seconds, self.alarm or self.now + seconds)

    @precondition(lambda self: self.now > 60)
    @rule()
    def we_leave(self):
        self.do(self.session.shutdown())

    @invariant()
    def whoever_waits_has_an_alarm(self):
        if hasattr(self, "session") and self.session.state in TIMED:
            assert self.alarm is not None

    @invariant()
    def who_is_established_with_a_room_is_in_it(self):
        if hasattr(self, "session") and self.session.state is State.ESTABLISHED and self.joins:
            assert self.entered == self.session_id

    @property
    def joins(self):
        return bool(self.session._settings.room)


TestEverySequenceKeepsThePromises = Shell.TestCase
