"""What is found out before the product listens."""

from __future__ import annotations

from dataclasses import replace

import pytest

from api import StartFailed, check_signaling, load, running
from bot import LocalAddresses, SecretRejected
from signaling.embedded import EmbeddedServer, EmbeddedSettings

GOOD = {
    "ROOMSCRIBE_HPB_URL": "https://cloud.example.org/hpb",
    "ROOMSCRIBE_HPB_SECRET": "s3cret",
    "ROOMSCRIBE_NEXTCLOUD_URL": "https://cloud.example.org",
    "ROOMSCRIBE_HTTP_PORT": "0",
}


def settings_with(addresses):
    return load({**GOOD, "ROOMSCRIBE_ICE_ADDRESSES": addresses})


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8::7"])
@pytest.mark.parametrize("others", ["", "127.0.0.1,", "auto,"])
async def test_a_media_address_that_this_host_does_not_have_is_named(address, others):
    with pytest.raises(StartFailed) as raised:
        async with running(settings_with(others + address)):
            pass

    assert "ROOMSCRIBE_ICE_ADDRESSES" in str(raised.value)
    assert address in str(raised.value)
    assert "127.0.0.1" not in str(raised.value)


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "224.0.0.1", "255.255.255.255"])
async def test_an_address_of_no_single_host_is_named(address):
    with pytest.raises(StartFailed, match="ROOMSCRIBE_ICE_ADDRESSES"):
        async with running(settings_with(address)):
            pass


async def test_all_strange_addresses_are_named_at_once():
    with pytest.raises(StartFailed) as raised:
        async with running(settings_with("192.0.2.7,192.0.2.8")):
            pass

    assert "192.0.2.7" in str(raised.value)
    assert "192.0.2.8" in str(raised.value)


@pytest.mark.parametrize("addresses", ["auto", "127.0.0.1", "127.0.0.1,auto"])
async def test_own_addresses_are_fine(addresses, engine_settings):
    settings = replace(settings_with(addresses), engine=engine_settings)
    async with running(settings) as service:
        assert settings.rooms.addresses == LocalAddresses.parse(addresses)
        assert service.url.startswith("http://127.0.0.1:")


async def test_a_signaling_server_that_is_not_there_is_no_reason_not_to_start():
    await check_signaling(load({**GOOD, "ROOMSCRIBE_HPB_URL": "http://127.0.0.1:9"}))


async def test_one_that_refuses_us_is(engine_settings):
    async with EmbeddedServer(EmbeddedSettings(internal_secret="another", backend_url="http://chat.test")) as server:
        with pytest.raises(SecretRejected, match="ROOMSCRIBE_HPB_SECRET"):
            await check_signaling(
                load({**GOOD, "ROOMSCRIBE_HPB_URL": server.url, "ROOMSCRIBE_NEXTCLOUD_URL": "http://chat.test"})
            )
