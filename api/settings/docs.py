"""`docs/settings.md`, made of the table of settings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from .aliases import HARP_SOCKET, WITHOUT_EFFECT
from .kinds import MAX_SECRETS, UNIX
from .setting import PREFIX, Setting
from .table import GROUPS

_PAGE: Final = re.compile(r"\b([a-z]+\.md)\b")

HEAD: Final = f"""# Settings

<!-- Made of the code by `make docs`: change api/settings/of_*.py instead. -->

Settings come from the environment, once, at start. A wrong one stops the start; all are named at once, with their
ranges. `roomscribe config check` tells beforehand (exit status 0, or 2 if one is wrong), `roomscribe config show` tells
what is set and where it comes from; both know `--json`, and neither shows a secret.

Names begin with `{PREFIX}`. A secret may be given as `NAME`, or as `NAME_FILE` with the path of a file that holds it;
the file counts before the name. What is empty is not set. A name that begins like ours and is no setting is told at
start, with the one that was probably meant.

To replace `{PREFIX}HTTP_SECRET` without refusing anybody: put the new one beside the old one in its file, with white
space or a line break between them ({MAX_SECRETS} at most), have the file read again (SIGHUP), give the new one to the
callers, and then take the old one out in the same way.
"""

TAIL: Final = f"""## Names of Nextcloud's own captions app

Whoever comes from Nextcloud's `live_transcription` can keep its environment: the last column has the names that are
read as well. A name of ours counts before them; where both are set and differ, that is told at start. Names with a star
say nothing of captions and may mean something else to others: they count only where `APP_ID` and `APP_SECRET` are both
set, as AppAPI sets them for the apps that it starts. Aliases of secrets have their `_FILE`, too.

Some values are translated: `NEXTCLOUD_URL` loses `/index.php` and slashes at its end; `SKIP_CERT_VERIFY` (`true`, `1`
or `yes`) is `{PREFIX}TLS_VERIFY=off`; `COMPUTE_DEVICE` is `CPU` or `CUDA`, and others are refused; `HP_SHARED_KEY`,
whatever it is, means the socket `{HARP_SOCKET.removeprefix(UNIX)}`, where AppAPI's tunnel (HaRP) looks for the app.

{" and ".join(f"`{name}`" for name in WITHOUT_EFFECT)} have no effect, which is told at start:
roomscribe has its own recogniser, and `{PREFIX}ASR_URL` names one elsewhere.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *_tables(), TAIL.rstrip(), ""])


def _tables() -> Iterator[str]:
    for group, settings in GROUPS.items():
        yield f"## {group}\n"
        yield "| setting | default | range | meaning, and why one would change it | also read as |"
        yield "|---|---|---|---|---|"
        yield from map(_row, settings)
        yield ""


def _row(setting: Setting) -> str:
    name = f"`{setting.own}`" + (" (or `…_FILE`)" if setting.secret else "")
    default = "required" if setting.required else f"`{setting.default}`" if setting.default else "–"
    aliases = ", ".join(f"`{alias.name}`{'*' if alias.app_api else ''}" for alias in setting.aliases)
    text = _PAGE.sub(r"[\1](\1)", f"{setting.meaning}. {_sentence(setting.reason)}")
    cells = (name, default, setting.range, text, aliases)
    return f"| {' | '.join(cells)} |"


def _sentence(text: str) -> str:
    """What begins with a name in backquotes begins as it is."""
    return f"{text[0].upper()}{text[1:]}"
