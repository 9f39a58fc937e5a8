"""Where the programs of the real stack are. `tests/realstack/install` puts them there."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).resolve().parents[2] / ".realstack"
HPB: Final = "nextcloud-spreed-signaling-server"


class Missing(Exception):
    """A program of the real stack is not installed; the message says which, and what to do."""

    component = "soak.stack"


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    hpb: Path
    janus: Path
    janus_library: Path  # the folder with Janus's plugins and transports


def find_programs() -> Programs:
    """Raises `Missing`."""
    unpacked = FOLDER / "root" / "usr" / "bin" / HPB
    hpb = str(unpacked) if os.access(unpacked, os.X_OK) else shutil.which(HPB)
    janus = shutil.which("janus")
    library = next(Path("/usr/lib").glob("*/janus/plugins"), None)
    missing = [name for name, found in ((HPB, hpb), ("janus", janus), ("janus's plugins", library)) if not found]
    if not hpb or not janus or library is None:
        raise Missing(f"{', '.join(missing)}: not installed; run tests/realstack/install as root on Debian or Ubuntu")
    return Programs(hpb=Path(hpb), janus=Path(janus), janus_library=library.parent)
