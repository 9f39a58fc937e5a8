"""How one speaker asks the engine: the same name, room and hints in each request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .audio import Pcm
from .engine import Engine
from .errors import EngineError
from .overload import Step
from .request import Hypothesis, Kind
from .scheduler import Job


@dataclass(slots=True, kw_only=True)
class Asker:
    """One per speaker. `waiting_s` is how much of its audio waits for a final."""

    engine: Engine
    speaker: str
    room: str
    hints: Callable[[], str]
    allowed: tuple[str, ...]
    waiting_s: float = 0.0

    @property
    def step(self) -> Step:
        """What is given up at present."""
        return self.engine.ladder.step

    async def ask(
        self,
        kind: Kind,
        cut: Callable[[], Pcm],
        *,
        code: str,
        due: float,
        fresh: bool = False,
        translate: bool = False,
    ) -> Hypothesis | EngineError:
        """The answer, or what went wrong: this may run in a task that nobody looks at for a while."""
        job = Job(
            kind=kind,
            speaker=self.speaker,
            room=self.room,
            language=code,
            allowed=self.allowed,
            hints=self.hints(),
            due=due,
            cut=cut,
            fresh=fresh,
            translate=translate,
            backlog_s=lambda: self.waiting_s,
        )
        try:
            return await self.engine.transcribe(job)
        except EngineError as error:
            return error
