"""The images: what goes into them exists and suffices, what runs is nobody's root, and the tunnel of HaRP is opened."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import shutil
import sys
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from api.settings.aliases import HARP_SOCKET
from api.settings.kinds import UNIX
from api.settings.load import HttpSettings

ROOT = Path(__file__).parent.parent
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
IMAGES = {"roomscribe": ROOT, "roomscribe-exapp": ROOT / "deploy" / "docker"}  # name → what the build is given


@dataclass(frozen=True, slots=True)
class Step:
    """An instruction of a Dockerfile, its lines joined."""

    name: str
    text: str

    @property
    def words(self) -> list[str]:
        return shlex.split(self.text)


def stages(image: str) -> list[list[Step]]:
    """Each `FROM` begins one; what stands before the first is left out."""
    text = (IMAGES[image] / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    found: list[list[Step]] = []
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        name, _, rest = line.partition(" ")
        if name == "FROM":
            found.append([])
        if found:
            found[-1].append(Step(name, rest.strip()))
    return found


def last(image: str, name: str) -> str:
    """What the instruction says that counts, in the stage that becomes the image."""
    return [step.text for step in stages(image)[-1] if step.name == name][-1]


def pairs(image: str, name: str) -> dict[str, str]:
    """NAME=VALUE of all such instructions in the last stage."""
    words = [word for step in stages(image)[-1] if step.name == name for word in step.words]
    return dict(word.split("=", 1) for word in words)


def environment(image: str) -> dict[str, str]:
    return pairs(image, "ENV")


def copied(image: str) -> list[str]:
    """What is taken from the folder of the build, not from another stage."""
    steps = [step for stage in stages(image) for step in stage if step.name in ("COPY", "ADD")]
    files = [[word for word in step.words if not word.startswith("--")] for step in steps if "--from=" not in step.text]
    return [source for words in files for source in words[:-1]]


def is_ignored(source: str) -> bool:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    return any(Path(source).match(pattern) for pattern in ignored)


@pytest.mark.parametrize("image", IMAGES)
def test_everything_that_is_copied_exists_and_is_not_ignored(image):
    sources = copied(image)
    assert sources
    assert [source for source in sources if not (IMAGES[image] / source).exists()] == []
    assert image != "roomscribe" or [source for source in sources if is_ignored(source)] == []


@pytest.mark.parametrize("image", IMAGES)
def test_it_runs_as_a_user_of_its_own_who_is_known_by_number(image):
    assert last(image, "USER") == "10001:10001"


def test_no_secret_can_get_into_the_build():
    assert all(map(is_ignored, ("secrets", ".env", ".git")))


def test_memory_stays_flat_nothing_shadows_our_modules_and_no_library_calls_its_maker():
    told = environment("roomscribe")
    assert [told[name] for name in ("MALLOC_ARENA_MAX", "PYTHONSAFEPATH", "ORT_DISABLE_TELEMETRY")] == ["2", "1", "1"]


def test_everything_it_writes_lies_in_its_volume():
    volume = last("roomscribe", "VOLUME")
    told = environment("roomscribe")
    assert told["HOME"] == volume == last("roomscribe", "WORKDIR")
    assert told["ROOMSCRIBE_CACHE_DIR"].startswith(volume)


def test_it_listens_where_the_code_does():
    assert last("roomscribe", "EXPOSE") == str(HttpSettings().port)
    assert environment("roomscribe")["ROOMSCRIBE_HTTP_HOST"] == "0.0.0.0"


def test_it_asks_itself_whether_it_runs_and_is_told_to_stop_as_serve_expects_it():
    options, _, command = last("roomscribe", "HEALTHCHECK").partition("CMD ")
    assert json.loads(command) == ["roomscribe", "healthcheck"]
    assert dict(re.findall(r"--([a-z-]+)=(\S+)", options)) == {
        "interval": "30s", "timeout": "10s", "start-period": "30s", "retries": "3"
    }  # fmt: skip
    assert last("roomscribe", "STOPSIGNAL") == "SIGTERM"
    assert [json.loads(last("roomscribe", each)) for each in ("ENTRYPOINT", "CMD")] == [["roomscribe"], ["serve"]]


def test_its_labels_say_what_it_is():
    labels = pairs("roomscribe", "LABEL")
    assert labels["org.opencontainers.image.version"] == VERSION
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"


async def test_what_is_copied_suffices_to_build_the_wheel(tmp_path):
    # given: what the image's first stage has
    source = tmp_path / "src"
    source.mkdir()
    for name in copied("roomscribe"):
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, source / name)

    # when
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation",
        "--wheel-dir", tmp_path, source, stdout=-1, stderr=-1,
    )  # fmt: skip
    async with asyncio.timeout(100):
        out, err = await process.communicate()

    # then
    assert process.returncode == 0, (out + err).decode()
    [wheel] = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    assert {"api/cli.py", "api/pages/captions.html", "soak/clips/manifest.jsonl"} <= held


# The image for AppAPI


def test_the_app_listens_where_appapi_says():
    assert environment("roomscribe-exapp") == {"ROOMSCRIBE_HTTP_HOST": "", "ROOMSCRIBE_CACHE_DIR": ""}


def test_the_app_owns_what_appapi_mounts_and_writes():
    [prepared] = [step.text for step in stages("roomscribe-exapp")[-1] if step.name == "RUN"]
    assert {"/nc_app_live_transcription_data", "/certs/frp", "/etc/ssl/certs"} <= set(prepared.split())


PLACES = ("/certs/frp", "/tmp/frpc.toml")
KEY = "the key of HaRP"
HARP = {
    "HP_SHARED_KEY": KEY, "HP_FRP_ADDRESS": "harp.test", "HP_FRP_PORT": "8782",
    "APP_ID": "live_transcription", "APP_PORT": "23456",
}  # fmt: skip


class Container:
    """The start script, with its places below `folder`, and a tunnel and a service that only say what they are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.configuration = folder / "frpc.toml"
        self.certificates = folder / "frp"
        script = (ROOT / "deploy" / "docker" / "start.sh").read_text(encoding="utf-8")
        for place, name in zip(PLACES, (self.certificates, self.configuration), strict=True):
            assert place in script
            script = script.replace(place, str(name))
        self.program("start.sh", script)
        self.program("frpc", '#!/bin/sh\ncat "$2" > "$0.given"\nread -r _ < "$0.end"\n')
        os.mkfifo(folder / "frpc.end")
        self.program(
            "service", '#!/bin/sh\ntrap "echo told to stop; exit 0" TERM\necho "$$ $*"\nwhile :; do sleep 0.02; done\n'
        )

    def program(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    async def start(self, **settings: str) -> asyncio.subprocess.Process:
        path = f"{self.folder}:{os.environ['PATH']}"
        return await asyncio.create_subprocess_exec(
            self.folder / "start.sh", "service", "serve", env={"PATH": path, **settings}, stdout=-1, stderr=-1
        )

    def end_tunnel(self) -> None:
        (self.folder / "frpc.end").write_text("\n", encoding="utf-8")  # waits until frpc reads it


@pytest.fixture
def container(tmp_path):
    return Container(tmp_path)


async def line(process):
    async with asyncio.timeout(20):
        return (await process.stdout.readline()).decode().strip()


async def end(process):
    async with asyncio.timeout(20):
        out, err = await process.communicate()
    return process.returncode, (out + err).decode()


async def test_without_a_key_the_service_alone_is_started_in_the_script_s_place(container):
    process = await container.start()
    assert await line(process) == f"{process.pid} serve"

    process.terminate()
    assert await end(process) == (0, "told to stop\n")
    assert not container.configuration.exists()


async def test_with_a_key_the_tunnel_leads_to_the_service_s_socket(container):
    process = await container.start(**HARP)
    await line(process)
    await asyncio.to_thread(container.end_tunnel)  # by now it has read its configuration
    await end(process)

    told = tomllib.loads(re.sub(r"= {{ (.+) }}", r'= "{{ \1 }}"', container.configuration.read_text(encoding="utf-8")))
    assert (container.folder / "frpc.given").read_bytes() == container.configuration.read_bytes()
    assert told["serverAddr"] == "{{ .Envs.HP_FRP_ADDRESS }}"
    assert told["transport"]["tls"] == {"enable": False}
    [proxy] = told["proxies"]
    assert proxy["plugin"] == {"type": "unix_domain_socket", "unixPath": HARP_SOCKET.removeprefix(UNIX)}
    assert proxy["remotePort"] == "{{ .Envs.APP_PORT }}"


async def test_the_tunnel_is_encrypted_once_its_certificates_are_there(container):
    container.certificates.mkdir()
    (container.certificates / "client.crt").touch()
    process = await container.start(**HARP)
    await line(process)
    await asyncio.to_thread(container.end_tunnel)
    await end(process)

    text = container.configuration.read_text(encoding="utf-8")
    assert "transport.tls.enable = true" in text
    assert "transport.tls.enable = false" not in text
    assert f'trustedCaFile = "{container.certificates}/ca.crt"' in text


async def test_no_value_of_the_environment_is_written_to_a_file(container):
    process = await container.start(**HARP)
    await line(process)
    await asyncio.to_thread(container.end_tunnel)
    await end(process)

    text = container.configuration.read_text(encoding="utf-8")
    assert [value for value in HARP.values() if value in text] == []
    assert container.configuration.stat().st_mode & 0o077 == 0


async def test_a_tunnel_that_ends_stops_the_service_so_that_the_container_starts_anew(container):
    process = await container.start(**HARP)
    assert await line(process) == f"{process.pid} serve"

    await asyncio.to_thread(container.end_tunnel)
    assert await end(process) == (0, "told to stop\n")


@pytest.mark.parametrize("missing", ["HP_FRP_ADDRESS", "HP_FRP_PORT", "APP_ID", "APP_PORT"])
async def test_a_key_alone_is_a_mistake_that_is_named(container, missing):
    process = await container.start(**{name: value for name, value in HARP.items() if name != missing})

    status, said = await end(process)
    assert status != 0
    assert missing in said
    assert KEY not in said
