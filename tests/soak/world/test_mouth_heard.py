"""What a mouth says over real signaling and real WebRTC is speech to the product, and comes back as a caption."""

from __future__ import annotations

import asyncio

import pytest

from soak.crew import Crew
from soak.world.mouth import Conductor
from soak.world.network import Conditions, Network
from soak.world.phrases import phrase_set
from tests.support.meeting import meeting

GUARD_S = 60.0
GO_FORWARD = next(phrase for phrase in phrase_set(False) if phrase.text == "go forward ten meters")


@pytest.fixture
async def conductor():
    conductor = Conductor()
    async with Crew() as crew:
        crew.start(conductor.run())
        yield conductor


async def test_a_phrase_is_captioned_over_good_and_bad_networks_and_through_a_mute(engine_settings, conductor):
    network = Network()
    async with asyncio.timeout(GUARD_S), meeting(engine_settings) as room:
        with conductor.mouth(network) as mouth:
            rita, ada = await room.reader("Rita"), await room.speaker("Ada", mouth)
            room.enable(rita)
            await mouth.received()

            said = await mouth.say(GO_FORWARD)
            first = await rita.final_number(1)
            heard_s = asyncio.get_running_loop().time() - said.last_at

            mouth.muted = True
            silent = await mouth.say(GO_FORWARD)
            mouth.muted = False
            network.conditions = Conditions(loss=0.05, jitter_s=0.06)
            await mouth.say(GO_FORWARD)
            second = await rita.final_number(2)

            assert "forward" in first.lower()
            assert "forward" in second.lower()
            assert (said.delivered, silent.delivered) == (1.0, 0.0)
            assert 0 < heard_s < 10
            assert len(rita.finals()) == 2

            await ada.leaves()
            assert not mouth.live
