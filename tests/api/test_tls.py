"""Certificates of the signaling server: checked by everything that talks to it, unless that is switched off."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ipaddress
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from api import check_signaling, load
from bot import SecretRejected, Supervisor
from pipeline.languages import Language
from signaling.embedded import EmbeddedServer, EmbeddedSettings

SECRET, BACKEND = "the internal secret of the test server", "http://chat.test"


def certificate():
    """Nobody's but the test's; its key and itself, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "signaling.test")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    return private + made.public_bytes(serialization.Encoding.PEM)


async def pump(reader, writer):
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


@pytest.fixture
async def url(tmp_path):
    """A signaling server behind TLS with a certificate that nobody trusts."""
    file = tmp_path / "certificate.pem"
    file.write_bytes(certificate())
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    async with EmbeddedServer(EmbeddedSettings(internal_secret=SECRET, backend_url=BACKEND)) as server:
        port = int(server.url.rpartition(":")[2].partition("/")[0])

        async def serve(reader, writer):
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(pump(reader, inner_writer))
                tasks.create_task(pump(inner_reader, writer))

        tls = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        yield f"https://127.0.0.1:{tls.sockets[0].getsockname()[1]}"
        tls.close()


def settings(url, verify, secret=SECRET):
    return load(
        {
            "ROOMSCRIBE_HPB_URL": url,
            "ROOMSCRIBE_HPB_SECRET": secret,
            "ROOMSCRIBE_NEXTCLOUD_URL": BACKEND,
            "ROOMSCRIBE_TLS_VERIFY": verify,
        }
    )


async def test_a_server_whose_certificate_is_not_trusted_is_not_even_greeted(url):
    await check_signaling(settings(url, "on", secret="wrong"))


async def test_any_certificate_is_good_where_the_check_is_off(url):
    await check_signaling(settings(url, "off"))
    with pytest.raises(SecretRejected, match="ROOMSCRIBE_HPB_SECRET"):
        await check_signaling(settings(url, "off", secret="wrong"))


@pytest.mark.model
@pytest.mark.parametrize(("verify", "joins"), [("on", False), ("off", True)])
async def test_a_room_is_joined_only_with_a_trusted_certificate_or_without_the_check(
    url, verify, joins, engine_settings
):
    async with Supervisor(rooms=settings(url, verify).rooms, engine=engine_settings) as supervisor:
        supervisor.enable("abc123", "nc-1", Language(id="en", code="en"))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(20 if joins else 1):
                await supervisor.rooms["abc123"].joined.wait()

        assert supervisor.rooms["abc123"].joined.is_set() is joins
