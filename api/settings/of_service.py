"""Rows of the table of settings: what roomscribe serves, for whom, within which limits, and what it logs."""

from __future__ import annotations

import importlib.metadata
from typing import Final

from .aliases import Alias, base_url, verifies
from .kinds import Number, OneOf, Secret, Secrets, Switch, WebAddress, Whole, Word
from .of_listening import LISTENING
from .own_kinds import LanguageId, SignalingAddress
from .setting import PREFIX, Setting

LEAST_SECRET: Final = 16  # characters, where strangers can try: 16 random letters and digits are 95 bits

CHAT_SERVER: Final = (
    Setting(
        name="HPB_URL",
        default="",
        meaning="address of the signaling server (HPB); `http` becomes `ws`, and `/spreed` is appended",
        reason="every room is joined there",
        parse=SignalingAddress(example="https://cloud.example.org/hpb"),
        aliases=(Alias(name="LT_HPB_URL"),),
        required=True,
    ),
    Setting(
        name="HPB_SECRET",
        default="",
        meaning="`internalsecret` of the `[clients]` section of the signaling server's configuration",
        reason="the signaling server refuses any other, and after ten wrong ones our address as well",
        parse=Secret(),
        aliases=(Alias(name="LT_INTERNAL_SECRET"),),
        required=True,
        secret=True,
    ),
    Setting(
        name="NEXTCLOUD_URL",
        default="",
        meaning="base URL of the chat server, as the signaling server's `backend` sections have it",
        reason="the signaling server compares it with them, and refuses one that it does not know",
        parse=WebAddress(example="https://cloud.example.org"),
        aliases=(Alias(name="NEXTCLOUD_URL", translate=base_url, app_api=True),),
        required=True,
    ),
    Setting(
        name="TLS_VERIFY",
        default="on",
        meaning="`off` takes any certificate of the signaling server and of the chat server",
        reason="for tests with certificates of one's own: while it is off, whoever sits in between can sign in as we "
        f"do, read and forge captions, and learn `{PREFIX}APP_SECRET`; rather name an authority of one's own in "
        "`SSL_CERT_FILE`",
        parse=Switch(),
        aliases=(Alias(name="SKIP_CERT_VERIFY", translate=verifies, app_api=True),),
    ),
    Setting(
        name="APP_SECRET",
        default="",
        meaning="the secret that Nextcloud's AppAPI gave this app",
        reason="with it, Talk's STUN and TURN servers are asked for and used, and AppAPI may call the API",
        parse=Secret(),
        aliases=(Alias(name="APP_SECRET", app_api=True),),
        secret=True,
    ),
    Setting(
        name="APP_ID",
        default="live_transcription",
        meaning="this app's id in AppAPI",
        reason="Talk looks for captions under the default, and nowhere else",
        parse=Word(what="an id"),
        aliases=(Alias(name="APP_ID", app_api=True),),
    ),
    Setting(
        name="APP_VERSION",
        default=importlib.metadata.version("roomscribe"),
        meaning="this app's version in AppAPI",
        reason="it is told to the chat server with each call; AppAPI sets it",
        parse=Word(what="a version"),
        aliases=(Alias(name="APP_VERSION", app_api=True),),
    ),
)

API: Final = (
    *LISTENING,
    Setting(
        name="HTTP_SECRET",
        default="",
        meaning="what callers of the API must show: one secret, or several with white space between them, each of "
        f"which is taken; beyond loopback one is required, unless `{PREFIX}APP_SECRET` is set, and each must have "
        f"{LEAST_SECRET} characters or more",
        reason="several let you replace one while callers still have the old one",
        parse=Secrets(),
        secret=True,
    ),
    Setting(
        name="DEFAULT_LANGUAGE",
        default="en",
        meaning="language of a room where the first to ask for captions names none; `auto`: what each speaker speaks",
        reason="Talk names a language only in rooms for which a moderator has chosen one",
        parse=LanguageId(),
    ),
    Setting(
        name="RATE_LIMIT",
        default="100",
        meaning="requests that one caller may make; more are answered with 429",
        reason="one caller that runs wild shall not keep the others waiting; raise it if all come through one proxy",
        parse=Number(low=1, high=10_000, unit="requests a second"),
    ),
    Setting(
        name="MAX_CONNECTIONS",
        default="512",
        meaning="connections to the API at once",
        reason="each takes memory and an open file: keep it below the limit of open files",
        parse=Whole(low=8, high=20_000, unit="connections"),
    ),
)

LIMITS: Final = (
    Setting(
        name="LEAVE_AFTER_S",
        default="60",
        meaning="how long the bot stays in a room after its last reader said no",
        reason="whoever turns captions on again within this time need not wait for a new bot",
        parse=Number(low=0, high=3600, unit="seconds"),
    ),
    Setting(
        name="DRAIN_TIMEOUT_S",
        default="10",
        meaning="how long the last words may take when the bot leaves, or roomscribe stops",
        reason="what is not delivered by then is lost; whatever stops the service has to wait for longer",
        parse=Number(low=0, high=60, unit="seconds"),
    ),
    Setting(
        name="MAX_ROOMS",
        default="100",
        meaning="rooms served at once; another one is refused with 503",
        reason="bounds what one process takes on",
        parse=Whole(low=1, high=10_000, unit="rooms"),
    ),
    Setting(
        name="MAX_SPEAKERS",
        default="200",
        meaning="speakers heard in one room; others wait for a place",
        reason="keeps one great room from taking all places",
        parse=Whole(low=1, high=5_000, unit="speakers"),
    ),
    Setting(
        name="MAX_TOTAL_SPEAKERS",
        default="500",
        meaning="speakers heard at once in all rooms; others wait for a place, and new rooms are refused with 503",
        reason="each takes memory, whether or not it speaks (memory.md); 500 is what was measured on two cores",
        parse=Whole(low=1, high=50_000, unit="speakers"),
    ),
    Setting(
        name="MEMORY_LIMIT_MB",
        default="0",
        meaning="memory of roomscribe and its recogniser together, beyond which new rooms are refused with 503 and new "
        "speakers wait, until less than 90 % of it is in use; 0: 80 % of the machine's or the container's",
        reason="how much is in use without any room tells `roomscribe_memory_rss_bytes`; a lower limit leaves room for "
        "other programs",
        parse=Whole(low=0, high=999_999, unit="MB"),
    ),
)

LOGS: Final = (
    Setting(
        name="LOG_LEVEL",
        default="INFO",
        meaning="least severity that is logged",
        reason="`DEBUG` is for hunting a fault; words, names and addresses are logged at no level",
        parse=OneOf(words=("DEBUG", "INFO", "WARNING", "ERROR")),
    ),
    Setting(
        name="LOG_FORMAT",
        default="auto",
        meaning="`json`: one object a line; `console`: for people; `auto`: `console` on a terminal, else `json`",
        reason="programs that collect logs read JSON; people do not",
        parse=OneOf(words=("auto", "console", "json")),
    ),
)
