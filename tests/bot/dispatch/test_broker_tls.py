"""A broker behind TLS, with the addresses of docs/operations.md. The embedded Valkey has no TLS: a proxy in front of it
does."""

from __future__ import annotations

import datetime
import ipaddress
import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from benchmarks.load.proxy import FreezingProxy
from bot.config import Config
from bot.dispatch.broker import ABSENT, Broker
from bot.local.embedded import EmbeddedValkey
from bot.monitoring.state import read_messages
from engine.config import Config as WorkerConfig
from engine.contract import Examination, ExamineRequest, Verdict
from engine.worker.messaging import ReplyPublisher

DOCUMENT = Path(__file__).parents[3] / "docs" / "operations.md"
QUERY = "ssl_cert_reqs=required&ssl_ca_certs="


def certificate(folder: Path, name: str) -> Path:
    """A self-signed certificate of 127.0.0.1 with its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    commands = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / f"{name}.pem"
    path.write_bytes(private + commands.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def secured(valkey: EmbeddedValkey, broker_url: str, tmp_path: Path) -> Iterator[SimpleNamespace]:
    ours, foreign = certificate(tmp_path, "ours"), certificate(tmp_path, "foreign")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ours)
    proxy = FreezingProxy(int(re.findall(r":(\d+)/", broker_url)[0]), context)
    address = proxy.before(broker_url).replace("redis://", "rediss://")
    yield SimpleNamespace(url=f"{address}?{QUERY}{ours}", url_with_foreign_ca=f"{address}?{QUERY}{foreign}")
    proxy.stop()


async def test_tasks_and_replies_pass_through_tls(secured: SimpleNamespace) -> None:
    broker, publisher = Broker(secured.url), ReplyPublisher(secured.url)
    await broker.examine(ExamineRequest(reference_id="r", image=b"i"))
    assert publisher.publish(Examination(reference_id="r", verdict=Verdict.ACCEPTED))
    assert read_messages(secured.url) == {"bolid.work": 1, "bolid.replies": 1}
    publisher.close()
    await broker.close()


async def test_a_broker_with_a_certificate_of_another_authority_is_not_used(secured: SimpleNamespace) -> None:
    broker, publisher = Broker(secured.url_with_foreign_ca), ReplyPublisher(secured.url_with_foreign_ca)
    with pytest.raises(ABSENT):
        await broker.examine(ExamineRequest(reference_id="r", image=b"i"))
    with pytest.raises(Exception, match=r"(?i)certificate"):
        publisher.publish(Examination(reference_id="r", verdict=Verdict.ACCEPTED))
    await broker.close()
    assert read_messages(secured.url) == {"bolid.work": 0, "bolid.replies": 0}


def test_the_addresses_of_the_document_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = dict(re.findall(r"^    (BROKER_URL|ENGINE_BROKER_URL)=(rediss://\S+)$", DOCUMENT.read_text(), re.M))
    assert set(addresses) == {"BROKER_URL", "ENGINE_BROKER_URL"}
    assert all(QUERY in address for address in addresses.values())
    settings = {"bot_token": "42:TEST", "database_url": "postgresql://db", "broker_url": addresses["BROKER_URL"]}
    assert Config(**settings, _env_file=None).broker_url.get_secret_value() == addresses["BROKER_URL"]
    monkeypatch.setenv("ENGINE_BROKER_URL", addresses["ENGINE_BROKER_URL"])
    assert WorkerConfig().broker_url.get_secret_value() == addresses["ENGINE_BROKER_URL"]
