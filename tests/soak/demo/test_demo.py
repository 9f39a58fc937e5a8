"""`roomscribe demo` as a new user runs it: a separate process, its output and its exit status."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import wave

import aiohttp
import pytest

pytestmark = pytest.mark.model

PROGRAM = "from api.cli import main; main()"


async def start(*arguments, **settings):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROOMSCRIBE_")}
    environment |= {"ROOMSCRIBE_HTTP_PORT": "0"} | {f"ROOMSCRIBE_{name}": value for name, value in settings.items()}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, "demo", *arguments, env=environment, stdout=-1, stderr=-1
    )


async def run(*arguments, **settings):
    """Exit status, standard output, standard error."""
    process = await start(*arguments, **settings)
    async with asyncio.timeout(90):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_once_captions_every_clip_and_sums_up_in_json():
    status, out, err = await run("--once", "--json", "--limit", "4")

    *captions, summary = [json.loads(line) for line in out.splitlines()]
    assert (status, err.count("Traceback")) == (0, 0)
    assert summary["clips"] == summary["clips_captioned"] == 4
    assert summary["captions"] == len(captions)
    assert summary["wer"] <= 0.12
    assert {caption["speaker"] for caption in captions} == {"Ada"}
    for name in ("first_partial_ms_p50", "first_partial_ms_p95", "final_ms_p50", "final_ms_p95"):
        assert 0 < summary[name] < 10_000


async def test_a_clip_without_a_final_is_a_failure(tmp_path):
    manifest = tmp_path / "silence.jsonl"
    silence(tmp_path / "silence.wav")
    manifest.write_text(json.dumps({"audio": "silence.wav", "text": "nothing at all", "speaker": "nobody"}))

    status, out, _ = await run("--once", "--json", "--manifest", str(manifest))

    summary = json.loads(out.splitlines()[-1])
    assert status == 1
    assert (summary["clips"], summary["clips_captioned"], summary["captions"]) == (1, 0, 0)


async def test_without_a_terminal_captions_are_plain_lines_and_a_table_follows():
    status, out, _ = await run("--once", "--limit", "1")

    assert status == 0
    assert "partial Ada: " in out
    assert "final   Ada: " in out
    assert "1 of 1 clips captioned" in out
    assert "\x1b[" not in out


async def test_it_plays_until_it_is_told_to_stop_and_serves_the_page_meanwhile():
    process = await start()
    said = ""
    async with asyncio.timeout(60), aiohttp.ClientSession() as http:
        while "final" not in said:
            said += (await process.stdout.readline()).decode()
        url = said.partition("open: ")[2].split()[0]
        async with http.get(url) as page:
            assert page.status == 200
            assert "roomscribe" in (await page.text()).lower()
        async with http.get(f"{url}/demo/config") as config:
            assert (await config.json())["language"] == "en"
        process.send_signal(signal.SIGTERM)
        _, err = await process.communicate()

    assert process.returncode == 0
    assert "Traceback" not in err.decode()
    assert "ERROR" not in err.decode()


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        ("nonsense", "is not valid JSON"),
        ('{"audio": "gone.flac", "text": "x"}', "there is no file"),
        ("", "holds no clip"),
    ],
)
async def test_a_bad_manifest_is_explained(tmp_path, manifest, expected):
    path = tmp_path / "clips.jsonl"
    path.write_text(manifest)

    status, _, err = await run("--once", "--manifest", str(path))

    assert status == 2
    assert expected in err
    assert "Traceback" not in err


async def test_a_busy_port_and_a_missing_model_are_explained(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = str(busy.getsockname()[1])
        status, _, err = await run(HTTP_PORT=port)
    assert (status, f"ROOMSCRIBE_HTTP_PORT={port} is in use" in err) == (2, True)

    status, _, err = await run(MODEL=str(tmp_path))
    assert (status, "ROOMSCRIBE_MODEL" in err, "Traceback" in err) == (2, True, False)


def silence(path):
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(16_000)
        wav.writeframes(bytes(2 * 16_000))
