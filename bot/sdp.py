"""Audio only: take everything but one audio section out of an offer, and put it back, rejected, into the answer.

The media stack then never learns of video or data: no transceiver, no decoder, no SCTP association. A section is
rejected by port zero and left out of the BUNDLE group (RFC 9429 §5.3.1, RFC 9143 §7.3.3).
"""

from __future__ import annotations

from dataclasses import dataclass


class NoAudio(Exception):
    """The offer has no audio section that sends."""

    component = "bot.sdp"


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioOffer:
    """`sdp` holds only the audio section, `mid` names it; `sections` is every offered section, in order."""

    sdp: str
    mid: str
    bundled: frozenset[str]
    sections: tuple[str, ...]
    index: int

    def answer(self, audio_answer: str) -> str:
        """The whole answer, given the answer to the audio section alone."""
        session, audio = _split(audio_answer)
        if self.mid not in self.bundled:
            lines = session.splitlines()
            session = "".join(f"{line}\r\n" for line in lines if not line.startswith("a=group:BUNDLE"))
        bodies = [
            audio[0] if number == self.index else _rejected(section) for number, section in enumerate(self.sections)
        ]
        return session + "".join(bodies)

    def concerns(self, sdp_mid: str | None, sdp_mline_index: int | None = None) -> bool:
        """Is a trickled candidate for this section? In a bundle, candidates of any member are. Janus names no mid."""
        if not sdp_mid and sdp_mline_index is not None and 0 <= sdp_mline_index < len(self.sections):
            sdp_mid = _mid(self.sections[sdp_mline_index])
        return not sdp_mid or sdp_mid == self.mid or (sdp_mid in self.bundled and self.mid in self.bundled)


def audio_only(offer: str) -> AudioOffer:
    """Read an offer. Raises `NoAudio`."""
    session, sections = _split(offer)
    index = next((number for number, section in enumerate(sections) if _sends_audio(section)), None)
    if index is None:
        raise NoAudio("the offer has no audio section that sends")
    mid = _mid(sections[index])
    bundled = frozenset(
        name for line in session.splitlines() if line.startswith("a=group:BUNDLE") for name in line.split()[1:]
    )
    audio = sections[index]
    if mid in bundled and "a=candidate:" not in audio:
        # The bundle's candidates stand in its first section, which may be one that we decline.
        donors = (section for section in sections if _mid(section) in bundled and "a=candidate:" in section)
        audio += "".join(f"{line}\r\n" for line in next(donors, "").splitlines() if line.startswith("a=candidate:"))
    head = "".join(
        f"a=group:BUNDLE {mid}\r\n" if line.startswith("a=group:BUNDLE") else f"{line}\r\n"
        for line in session.splitlines()
    )
    return AudioOffer(sdp=head + audio, mid=mid, bundled=bundled, sections=tuple(sections), index=index)


def _split(sdp: str) -> tuple[str, list[str]]:
    """The session part and the media sections, each ending in CRLF."""
    sections: list[list[str]] = [[]]
    for line in sdp.splitlines():
        if line.startswith("m="):
            sections.append([])
        if line:
            sections[-1].append(line)
    session, *media = ["".join(f"{line}\r\n" for line in section) for section in sections]
    return session, media


def _sends_audio(section: str) -> bool:
    first, *lines = section.splitlines()
    given_up = first.startswith("m=audio 0 ") and "a=bundle-only" not in lines
    return first.startswith("m=audio ") and not given_up and not {"a=recvonly", "a=inactive"} & set(lines)


def _mid(section: str) -> str:
    return next((line[6:].strip() for line in section.splitlines() if line.startswith("a=mid:")), "")


def _rejected(section: str) -> str:
    kind, _, rest = section.splitlines()[0].partition(" ")
    mid = _mid(section)
    lines = [f"{kind} 0 {rest.partition(' ')[2]}", "c=IN IP4 0.0.0.0", "a=inactive"]
    return "".join(f"{line}\r\n" for line in [*lines, *([f"a=mid:{mid}"] if mid else [])])
