"""`roomscribe doctor` on the real stack: what is well is proven, what is wrong is named."""

from __future__ import annotations

import asyncio
import json
import os
import sys

import pytest

from api.doctor.findings import Status
from soak.stack.wire import Wire
from tests.realstack.conference import new_stack
from tests.realstack.conftest import MEDIA_ADDRESS

PROGRAM = "from api.cli import main; main()"
LIMIT_S = 110.0


class Report:
    """What it said. `report["hello"]` is the finding of a check; of several, the first."""

    def __init__(self, status, text):
        self.exit_status = status
        self.text = text
        self._checks = json.loads(text)["checks"]

    def __getitem__(self, check):
        return next(each for each in self._checks if each["check"] == check)

    def status(self, check):
        return Status(self[check]["status"])

    def urls(self, check, status):
        return [
            each["answer"].split()[0] for each in self._checks if (each["check"], each["status"]) == (check, status)
        ]

    def failed(self):
        return {each["check"] for each in self._checks if each["status"] == "fail"}


async def examined(stack, **settings):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROOMSCRIBE_")}
    ours = {
        "HPB_URL": stack.url,
        "HPB_SECRET": stack.internal_secret,
        "NEXTCLOUD_URL": stack.backend_url,
        "APP_SECRET": stack.chat.app_secret,
        "ICE_ADDRESSES": MEDIA_ADDRESS,
    }
    environment |= {f"ROOMSCRIBE_{name}": value for name, value in (ours | settings).items()}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, "doctor", "--json", env=environment, stdout=-1, stderr=-1
    )
    async with asyncio.timeout(LIMIT_S):
        out, err = await process.communicate()
    assert err == b""
    return Report(process.returncode, out.decode())


@pytest.mark.parametrize(("policy", "way"), [("all", "host"), ("relay", "relay")])
async def test_the_whole_way_is_proven(policy, way):
    stack = new_stack()
    turn = stack.turn_server()
    port = stack.hpb_port + 3
    tls, udp = stack.chat.turn_urls
    tcp = f"turn:{MEDIA_ADDRESS}:{port}?transport=tcp"
    stack.chat.stun_urls = (f"stun:{MEDIA_ADDRESS}:{port}",)
    stack.chat.turn_urls = (tls, udp, tcp)
    await turn.start()
    try:
        async with stack:
            report = await examined(stack, ICE_POLICY=policy)
    finally:
        await turn.stop()

    assert report.failed() == set()
    assert report.exit_status == 0
    for check in ("signaling server", "hello", "features", "chat server", "media server", "certificate", "audio"):
        assert report.status(check) is Status.OK, report[check]
    assert "version" in report["features"]["answer"]
    assert report.urls("STUN", "ok") == list(stack.chat.stun_urls)
    assert report.urls("TURN", "ok") == [udp, tcp]
    assert report.urls("TURN", "warn") == [f"{tls}:"]  # this one has no TLS
    assert "(the one in use)" in next(a for a in report.text.split('"') if a.startswith(udp))
    assert f"a {way} candidate" in report["media server"]["answer"]
    assert "EC" in report["certificate"]["answer"]
    assert report.status("clock") is Status.OK
    assert report.status("model") is Status.OK
    for secret in (stack.internal_secret, stack.chat.app_secret, stack.chat.turn_secret):
        assert secret not in report.text


async def test_credentials_that_a_turn_server_does_not_take_are_told_from_one_that_is_away():
    stack = new_stack()
    turn = stack.turn_server()
    stack.chat.turn_secret = "another than the TURN server's"
    stack.chat.turn_urls = (stack.chat.turn_urls[1], f"turn:{MEDIA_ADDRESS}:9?transport=tcp")
    await turn.start()
    try:
        async with stack:
            report = await examined(stack)
    finally:
        await turn.stop()

    assert report.exit_status == 1
    assert "credentials are refused" in report["TURN"]["answer"]
    assert "static-auth-secret" in report["TURN"]["advice"]
    assert "Connection refused" in report.text
    assert report.status("audio") is Status.OK  # there is a direct way


async def test_a_janus_with_an_rsa_certificate_is_named_with_what_to_do():
    async with new_stack(rsa_certificate=True) as stack:
        report = await examined(stack)

    assert report.exit_status == 1
    assert report.status("media server") is Status.OK
    assert "RSA" in report["certificate"]["answer"]
    assert "janus.jcfg" in report["certificate"]["advice"]
    assert report.failed() == {"certificate", "audio"}


async def test_a_wrong_secret_is_tried_once_and_named_with_its_setting():
    async with new_stack() as stack, Wire(stack.hpb_port) as wire:
        report = await examined(stack, HPB_URL=wire.url, HPB_SECRET="not the secret of this server")

        assert wire.connections == 2  # one for the welcome, one for the hello

    assert report.exit_status == 1
    assert report.failed() == {"hello"}
    assert "ROOMSCRIBE_HPB_SECRET" in report["hello"]["advice"]
    assert "not the secret" not in report.text


async def test_a_signaling_server_that_is_down_is_named_with_its_setting():
    async with new_stack() as stack:
        await stack.hpb.stop()
        report = await examined(stack)

    assert report.exit_status == 1
    assert report.failed() == {"signaling server"}
    assert "ROOMSCRIBE_HPB_URL" in report["signaling server"]["advice"]
    assert report.status("chat server") is Status.OK


async def test_a_janus_that_is_down_is_named():
    async with new_stack() as stack:
        await stack.janus.stop()
        report = await examined(stack)

    assert report.exit_status == 1
    assert report.failed() == {"media server"}
    assert "Janus" in report["media server"]["advice"]
