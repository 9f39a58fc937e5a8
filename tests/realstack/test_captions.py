"""What people in a call are promised, on the real HPB and Janus."""

from __future__ import annotations

from tests.realstack.conference import conference

GO_FORWARD = "command-goforward"  # "go forward ten meters"


async def test_who_asked_reads_what_is_said_and_nobody_else_does(engine_settings):
    async with conference(engine_settings) as room:
        rita, bert, ada = await room.reader("Rita"), await room.reader("Bert"), await room.speaker("Ada")
        room.enable(rita)
        await room.hears(ada)

        await ada.says(GO_FORWARD)

        assert "forward" in (await rita.final(of=ada)).lower()
        assert bert.captions == ada.captions == []
