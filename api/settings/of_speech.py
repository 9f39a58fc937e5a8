"""Rows of the table of settings: how speech is received, recognised and captioned."""

from __future__ import annotations

from typing import Final

from pipeline.decoders import PREFERENCES

from .aliases import Alias, device
from .kinds import KeylessAddress, Number, OneOf, Switch, Text, Whole, Word
from .own_kinds import Languages, MediaAddresses
from .setting import PREFIX, Setting

RECOGNITION: Final = (
    Setting(
        name="MODEL",
        default="tiny.en",
        meaning="Whisper model: a folder, a packaged model, or a faster-whisper name",
        reason="the default is small, quick and understands English only; `base`, `small` or `large-v3-turbo` know "
        "all of Whisper's languages",
        parse=Text(what="a folder or a name"),
    ),
    Setting(
        name="CACHE_DIR",
        default="",
        meaning="where downloaded models are kept; empty: Hugging Face's own cache",
        reason="in a container, name a volume, or each new one downloads the model again",
        parse=Text(what="a folder"),
        aliases=(Alias(name="APP_PERSISTENT_STORAGE", app_api=True),),
    ),
    Setting(
        name="DEVICE",
        default="cpu",
        meaning="where the model runs; `auto`: on a CUDA device if there is one",
        reason="`cuda` for larger models than a processor decodes in time",
        parse=OneOf(words=("cpu", "cuda", "auto")),
        aliases=(Alias(name="COMPUTE_DEVICE", translate=device, app_api=True),),
    ),
    Setting(
        name="COMPUTE_TYPE",
        default="int8",
        meaning="CTranslate2's number format",
        reason="`int8` takes least memory; `float16` is for GPUs",
        parse=OneOf(words=("int8", "int8_float16", "int8_float32", "float16", "float32", "default")),
    ),
    Setting(
        name="WORKERS",
        default="0",
        meaning="decodes at once; 0: as the cores allow",
        reason="fewer leave cores to other programs",
        parse=Whole(low=0, high=64, unit="decodes"),
        aliases=(Alias(name="LT_MAX_WORKERS"),),
    ),
    Setting(
        name="THREADS",
        default="1",
        meaning="CPU threads of one decode",
        reason="more than one rarely pays: two threads do not speed a decode",
        parse=Whole(low=1, high=16, unit="threads"),
    ),
    Setting(
        name="MAX_BATCH",
        default="0",
        meaning=f"stretches of audio decoded together, of those that wait; 0: 1 if `{PREFIX}DEVICE` is `cpu`, else 8",
        reason="on a CPU batches gain nothing",
        parse=Whole(low=0, high=16, unit="stretches"),
    ),
    Setting(
        name="CONTEXT_MARGIN_S",
        default="1.5",
        meaning="silence encoded after the speech; 0: always Whisper's full 30 s, at three times the cost",
        reason="for a model that needs more silence than the default to end well",
        parse=Number(low=0, high=28, unit="seconds"),
    ),
    Setting(
        name="CONTEXT_FLOOR_S",
        default="0",
        meaning="least audio that is encoded",
        reason="a few seconds help a model that repeats itself on short speech",
        parse=Number(low=0, high=30, unit="seconds"),
    ),
    Setting(
        name="HINTS",
        default="off",
        meaning="`on` tells the recogniser the names of those in the room",
        reason="off, because with small models it costs more words than it wins",
        parse=Switch(),
    ),
    Setting(
        name="LANGUAGES",
        default="",
        meaning="languages that a room whose language is `auto` may speak, such as `de,en`; empty: all of the model",
        reason="the fewer, the less often another one is heard by mistake",
        parse=Languages(),
    ),
)

REMOTE: Final = (
    Setting(
        name="ASR_URL",
        default="",
        meaning="an OpenAI-compatible recognition server, such as http://box:8000, which is then sent the speech; "
        "empty: decode on this machine",
        reason="for a machine with a GPU elsewhere",
        parse=KeylessAddress(example="http://box:8000", key=f"{PREFIX}ASR_API_KEY"),
    ),
    Setting(
        name="ASR_API_KEY",
        default="",
        meaning="its key, if it wants one",
        reason="it is kept out of the URL, which is shown",
        parse=Word(what="a key", hidden=True),
        secret=True,
    ),
    Setting(
        name="ASR_MODEL",
        default="whisper-1",
        meaning="the model's name on it",
        reason="the default is OpenAI's name; other servers have their own",
        parse=Text(what="a name"),
    ),
    Setting(
        name="ASR_PARALLEL",
        default="8",
        meaning="requests to it at once",
        reason="as many as it decodes at once; others would only wait there instead of here",
        parse=Whole(low=1, high=256, unit="requests"),
    ),
    Setting(
        name="ASR_TIMEOUT",
        default="20",
        meaning="how long it may take for one request",
        reason="longer for a slow server, but captions come as late",
        parse=Number(low=1, high=60, unit="seconds"),
    ),
    Setting(
        name="ASR_FALLBACK",
        default="off",
        meaning="`on`: what it does not decode within 5 s, because it is down, busy or slow, is decoded with "
        f"`{PREFIX}MODEL`, in whose languages alone captions are then offered",
        reason="off, because it keeps that model in memory",
        parse=Switch(),
    ),
)

CAPTIONS: Final = (
    Setting(
        name="PARTIALS",
        default="on",
        meaning="captions while somebody still speaks: `on`, or `off` for finals only",
        reason="off, more people can speak at once on the same machine (recognition.md)",
        parse=Switch(),
    ),
    Setting(
        name="PARTIAL_INTERVAL_S",
        default="1.0",
        meaning="least time between two partial captions of one speaker",
        reason="shorter is livelier and costs more decodes",
        parse=Number(low=0.3, high=60, unit="seconds"),
    ),
    Setting(
        name="HANGOVER_S",
        default="0.4",
        meaning="silence that ends an utterance, for speakers who pause little",
        reason="shorter brings finals sooner, and more wrong words",
        parse=Number(low=0.2, high=5, unit="seconds"),
    ),
    Setting(
        name="LONGEST_HANGOVER_S",
        default="0.6",
        meaning="silence that ends an utterance, for speakers who pause in mid-sentence",
        reason="longer keeps hesitant sentences whole, and brings finals later",
        parse=Number(low=0.2, high=5, unit="seconds"),
    ),
    Setting(
        name="MAX_UTTERANCE_S",
        default="15",
        meaning="longest utterance; a longer one is cut at its quietest place, and nothing is lost",
        reason="longer ones take longer to decode and more memory (memory.md)",
        parse=Number(low=3, high=28, unit="seconds"),
    ),
)

MEDIA: Final = (
    Setting(
        name="ICE_ADDRESSES",
        default="auto",
        meaning="local addresses for media, comma-separated; `auto`: all but loopback",
        reason="on hosts with several networks and in containers: name those that the media server can reach",
        parse=MediaAddresses(),
    ),
    Setting(
        name="ICE_POLICY",
        default="all",
        meaning="`relay`: media through the TURN server only",
        reason="where the media server can be reached in no other way",
        parse=OneOf(words=("all", "relay")),
    ),
    Setting(
        name="RECEIVE_PATH",
        default="auto",
        meaning="`auto`: our own receive path, or aiortc's where ours cannot work; `track`: always aiortc's",
        reason="`track` costs more CPU, and more words when packets are lost: to find out whether our own is at fault",
        parse=OneOf(words=("auto", "track")),
    ),
    Setting(
        name="OPUS_DECODER",
        default="auto",
        meaning="`libopus` (the system's, or the copy in av's wheel; without either, no start), `av`, or `auto`: the "
        "better one that is there",
        reason="`av` cannot rebuild lost packets",
        parse=OneOf(words=PREFERENCES),
    ),
    Setting(
        name="DECODE_THREADS",
        default="0",
        meaning="threads that decode received audio; 0: one a core, four at most",
        reason="fewer leave cores to the recogniser",
        parse=Whole(low=0, high=64, unit="threads"),
    ),
    Setting(
        name="ACTIVITY_GATE",
        default="on",
        meaning="`on` leaves the packets of silent speakers undecoded; `off` decodes everything",
        reason="off, if a client tells wrongly how loud its packets are, and first words are missing",
        parse=Switch(),
    ),
)
