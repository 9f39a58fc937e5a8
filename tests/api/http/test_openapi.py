"""The description of the API: of the very models that check requests, and true of a running product."""

from __future__ import annotations

import asyncio
import json
import sys

import pytest

from api import HttpSettings
from api.http.auth import is_open
from api.http.bodies import InvalidBody, parse
from api.http.openapi import describe
from api.http.routes import ROUTES
from api.http.schemas import TEXT, TranscribeRequest
from tests.support.api import TALK

SECRET = "the secret of the callers"
#: What a well-formed request may meet besides success: a language that the model lacks, no such room, no translation.
EXPECTED = """
[checks]
positive_data_acceptance.expected-statuses = [200, 400, 404, 412, 503, 550]
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 503, 550]

[warnings]
enabled = false
"""


@pytest.fixture(scope="module")
def document():
    return describe(ROUTES)


def operations(document):
    return {
        (method.upper(), path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_every_route_is_described_and_nothing_else(document):
    assert set(operations(document)) == {(route.method, route.path) for route in ROUTES}


def test_every_reference_leads_somewhere(document):
    text = json.dumps(document)
    names = set(document["components"]["schemas"])

    for part in text.split('"#/components/schemas/')[1:]:
        assert part.partition('"')[0] in names


def test_what_needs_no_secret_is_what_is_open(document):
    for (_, path), operation in operations(document).items():
        assert is_open(path) == (operation["security"] == [])
        assert ("401" in operation["responses"]) == bool(operation["security"])


def test_every_field_says_what_it_means(document):
    schemas = document["components"]["schemas"]
    for operation in operations(document).values():
        assert operation["summary"]
        for each in operation.get("parameters", []):
            assert each["description"]
        if "requestBody" in operation:
            name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            assert all(field["description"] for field in schemas[name]["properties"].values())
            assert schemas[name]["additionalProperties"] is False


def test_the_limits_that_are_told_are_those_that_are_checked(document):
    token = document["components"]["schemas"]["TranscribeRequest"]["properties"]["roomToken"]

    assert (token["maxLength"], token["pattern"]) == (255, TEXT)
    parse(TranscribeRequest, json.dumps({**TALK, "roomToken": "x" * 255}).encode())
    with pytest.raises(InvalidBody):
        parse(TranscribeRequest, json.dumps({**TALK, "roomToken": "x" * 256}).encode())


def test_what_a_caption_looks_like_is_described_too(document):
    caption = document["components"]["schemas"]["Caption"]

    assert set(caption["properties"]) == {"type", "message", "langId", "speakerSessionId", "final"}
    assert document["webhooks"]["caption"]["post"]["requestBody"]


def test_the_reasons_for_not_now_are_listed(document):
    text = json.dumps(document["components"]["schemas"]["Refused"])

    for reason in ("loading", "full", "disabled", "rejected", "room_failed"):
        assert f'"{reason}"' in text


def test_operations_have_names_of_their_own(document):
    names = [operation["operationId"] for operation in operations(document).values()]

    assert len(set(names)) == len(names)


@pytest.mark.model
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "chosen",
    [["--exclude-path", "/enabled"], ["--include-path", "/enabled"]],  # a disabled app would refuse all the rest
    ids=["all", "enabled"],
)
async def test_the_product_is_as_described_whatever_is_asked(open_api, tmp_path, chosen):
    """Schemathesis asks what the document allows and what it forbids, and checks each answer against it."""
    configuration = tmp_path / "schemathesis.toml"
    configuration.write_text(EXPECTED)
    http = HttpSettings(secrets=(SECRET,), rate_limit=10_000.0)
    async with open_api(http=http) as api:
        await api.post(TALK, Authorization=f"Bearer {SECRET}")
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(configuration), "run"]
        options = ["--checks", "all", "--max-examples", "20", "--no-color", "--continue-on-failure", "--seed", "1"]
        process = await asyncio.create_subprocess_exec(
            *[*command, f"{api.service.url}/openapi.json", *options, *chosen],
            *["--header", f"Authorization: Bearer {SECRET}"],
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()

        assert process.returncode == 0, said.decode()
        assert b"generated" in said
