"""What is shipped: the wheel's files, and the image's question whether it is well."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tomllib
from pathlib import Path

import pytest
from aiohttp import web

from tests.api.raw import at_the_door

ROOT = Path(__file__).parents[2]


def package_data():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    setuptools = project["tool"]["setuptools"]
    return setuptools["packages"], setuptools["package-data"]


def named_by(patterns, packages):
    folders = [ROOT / package.replace(".", "/") for package in packages]
    return {file for folder in folders for pattern in patterns for file in folder.glob(pattern)}


def test_every_pattern_of_the_wheel_names_files_that_exist():
    packages, data = package_data()
    for package, patterns in data.items():
        assert package == "*" or package in packages
        for pattern in patterns:
            assert named_by([pattern], packages if package == "*" else [package]), f"{package}: {pattern}"


def test_the_wheel_holds_every_file_that_lies_beside_a_module():
    packages, data = package_data()
    held = set().union(*(named_by(names, packages if key == "*" else [key]) for key, names in data.items()))
    beside = {file for package in packages for file in (ROOT / package.replace(".", "/")).iterdir() if file.is_file()}
    assert not {file for file in beside - held if file.suffix != ".py"}


# The image


@pytest.fixture
async def well():
    """A door whose health can be set: `well.status`."""

    async def healthz(_):
        return web.json_response({}, status=door.status)

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    async with at_the_door(app) as door:
        door.status = 200
        yield door


async def health_check(**settings):
    """Run what the image runs. Returns its exit status."""
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")
    (line,) = [line for line in dockerfile.splitlines() if line.startswith("HEALTHCHECK")]
    _, *arguments = json.loads(line.partition(" CMD ")[2])
    environment = {"PATH": os.environ["PATH"], "http_proxy": "http://127.0.0.1:9", **settings}
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, env=environment, stderr=-3)
    async with asyncio.timeout(20):
        return await process.wait()


async def test_the_image_asks_at_the_port_it_was_told(well):
    assert await health_check(ROOMSCRIBE_HTTP_PORT=str(well.port)) == 0

    well.status = 503
    assert await health_check(ROOMSCRIBE_HTTP_PORT=str(well.port)) == 1


async def test_an_image_that_does_not_answer_is_not_well():
    assert await health_check(ROOMSCRIBE_HTTP_PORT="9") == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", ""])
async def test_the_image_asks_at_the_address_it_listens_on(well, host):
    assert await health_check(ROOMSCRIBE_HTTP_PORT=str(well.port), ROOMSCRIBE_HTTP_HOST=host) == 0
