"""The marks of AI generation in a picture."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import c2pa
import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from PIL import Image

from engine.commands import DONE, UNSUITABLE
from engine.errors import BadReference, MarkError, SetupError
from engine.marking.certificate import Certificate, open_certificate
from engine.marking.provenance import PURPOSES, SOURCE_TYPE, GenerationFacts, Marker, Signature, read_marks
from engine.marking.watermark import Watermark

WATERMARK = Watermark("BoLID")
FACTS = GenerationFacts(backbone="nano")
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def development(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return open_certificate(None, None, tmp_path_factory.mktemp("state"), NOW)


@pytest.fixture(scope="module")
def marker(development: Certificate) -> Marker:
    return Marker(development, WATERMARK)


@pytest.fixture(scope="module")
def photo(astronaut: Image.Image) -> Image.Image:
    return astronaut.resize((128, 192))


@pytest.fixture(scope="module")
def signed(marker: Marker, photo: Image.Image) -> bytes:
    return marker(photo, FACTS)


def test_a_picture_carries_all_three_marks(signed: bytes, photo: Image.Image) -> None:
    marks = read_marks(signed, WATERMARK)
    assert marks.source_type == SOURCE_TYPE
    assert marks.creator_tool is not None and marks.creator_tool.startswith("BoLID ")
    assert marks.creator_tool.endswith("(nano)")
    assert marks.signature is Signature.UNTRUSTED and marks.signer == "BoLID development"
    assert marks.problems == ("signingCredential.untrusted",), "nothing else may be wrong"
    assert marks.watermarked
    with Image.open(io.BytesIO(signed)) as picture:
        assert picture.format == "PNG" and picture.size == photo.size


def test_the_manifest_says_that_a_model_made_it(signed: bytes) -> None:
    with c2pa.Reader("image/png", io.BytesIO(signed)) as reader:
        manifest = reader.get_active_manifest()
    assert manifest is not None
    assert manifest["claim_generator_info"][0]["name"] == "BoLID"
    (actions,) = (one["data"]["actions"] for one in manifest["assertions"] if one["label"].startswith("c2pa.actions"))
    assert actions[0]["action"] == "c2pa.created"
    assert actions[0]["digitalSourceType"] == SOURCE_TYPE
    assert "time_stamp" not in str(manifest["signature_info"])


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 8
    while position < len(png):
        (length,) = struct.unpack(">I", png[position : position + 4])
        yield png[position + 4 : position + 8], png[position + 8 : position + 8 + length]
        position += length + 12


def _with_pixels(png: bytes, pixels: Image.Image) -> bytes:
    """The file with all it says, and other pixels."""
    buffer = io.BytesIO()
    pixels.save(buffer, "PNG")
    data = b"".join(content for kind, content in _chunks(buffer.getvalue()) if kind == b"IDAT")
    parts, written = [png[:8]], False
    for kind, content in _chunks(png):
        if kind == b"IDAT":
            if written:
                continue
            content, written = data, True
        parts.append(struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content)))
    return b"".join(parts)


def test_a_changed_pixel_breaks_the_signature(signed: bytes) -> None:
    with Image.open(io.BytesIO(signed)) as picture:
        pixels = np.array(picture)
    assert read_marks(_with_pixels(signed, Image.fromarray(pixels)), WATERMARK).signature is Signature.UNTRUSTED
    pixels[5, 5, 0] ^= 1
    marks = read_marks(_with_pixels(signed, Image.fromarray(pixels)), WATERMARK)
    assert marks.signature is Signature.INVALID and "assertion.dataHash.mismatch" in marks.problems


def test_a_messengers_jpeg_keeps_the_watermark_alone(signed: bytes) -> None:
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(signed)) as picture:
        picture.convert("RGB").save(buffer, "JPEG", quality=75)
    marks = read_marks(buffer.getvalue(), WATERMARK)
    assert marks.source_type is None and marks.signature is Signature.ABSENT
    assert marks.watermarked


def test_a_photo_carries_no_mark(astronaut_jpeg: bytes) -> None:
    marks = read_marks(astronaut_jpeg, WATERMARK)
    assert (marks.source_type, marks.creator_tool, marks.signer, marks.problems) == (None, None, None, ())
    assert marks.signature is Signature.ABSENT and not marks.watermarked


def phone_jpeg(photo: Image.Image) -> bytes:
    """A JPEG with a second picture in it, as phones write for depth or HDR."""
    buffer = io.BytesIO()
    photo.save(buffer, "MPO", save_all=True, append_images=[photo.resize((32, 48))])
    return buffer.getvalue()


def test_a_phones_jpeg_of_several_pictures_is_read(
    photo: Image.Image, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from engine.__main__ import main

    content = phone_jpeg(photo)
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.format == "MPO"
    assert read_marks(content, WATERMARK).signature is Signature.ABSENT
    path = tmp_path / "phone.jpg"
    path.write_bytes(content)
    assert main(["provenance", str(path)]) == DONE
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_what_is_no_picture_is_reported() -> None:
    with pytest.raises(BadReference, match="expected a PNG, JPEG or WebP"):
        read_marks(b"hello", WATERMARK)


def _own_certificate(purpose: str, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, folder: Path) -> Certificate:
    """A certificate as an operator's authority would issue it, for one purpose."""
    authority = ec.generate_private_key(ec.SECP384R1())
    name = x509.Name(
        [
            x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "An operator"),
            x509.NameAttribute(x509.NameOID.COMMON_NAME, "Pictures"),
        ]
    )
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "An authority")])
    usages = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign"), False
    )
    leaf = (
        x509.CertificateBuilder(issuer, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=90))
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(digital_signature=True, crl_sign=False, encipher_only=False, decipher_only=False, **usages),
            critical=True,
        )
        .add_extension(x509.ExtendedKeyUsage([x509.ObjectIdentifier(purpose)]), critical=False)
        .sign(authority, hashes.SHA256())
    )
    (folder / "chain.pem").write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    return open_certificate(folder / "chain.pem", folder / "key.pem", folder, NOW)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_an_operators_own_certificate_signs(purpose: str, tmp_path: Path, photo: Image.Image) -> None:
    certificate = _own_certificate(purpose, ec.generate_private_key(ec.SECP256R1()), tmp_path)
    marks = read_marks(Marker(certificate, WATERMARK)(photo, FACTS), WATERMARK)
    assert marks.signer == "An operator" and marks.problems == ("signingCredential.untrusted",)


def test_an_rsa_certificate_signs(tmp_path: Path, photo: Image.Image) -> None:
    certificate = _own_certificate(PURPOSES[0], rsa.generate_private_key(65537, 2048), tmp_path)
    assert certificate.algorithm == "ps256"
    assert read_marks(Marker(certificate, WATERMARK)(photo, FACTS), WATERMARK).signature is Signature.UNTRUSTED


def test_a_certificate_for_another_purpose_is_refused_at_the_start(tmp_path: Path) -> None:
    certificate = _own_certificate("1.3.6.1.5.5.7.3.1", ec.generate_private_key(ec.SECP256R1()), tmp_path)
    with pytest.raises(SetupError, match="expected a certificate that may sign for C2PA") as caught:
        Marker(certificate, WATERMARK)
    assert "\n" not in str(caught.value)


def test_a_time_stamp_authority_that_is_away_loses_no_picture(
    development: Certificate, photo: Image.Image, caplog: pytest.LogCaptureFixture
) -> None:
    marker = Marker(development, WATERMARK, timestamp_url="http://127.0.0.1:9/")
    assert read_marks(marker(photo, FACTS), WATERMARK).signature is Signature.UNTRUSTED
    assert "signed without a time stamp" in caplog.messages[-1]


def test_a_picture_that_cannot_be_signed_is_not_delivered(
    marker: Marker, photo: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bytes:
        raise c2pa.C2paError("the key has gone")

    monkeypatch.setattr(c2pa.Builder, "sign", fail)
    with pytest.raises(MarkError, match="the key has gone"):
        marker(photo, FACTS)


def test_the_command_line_reads_the_marks_of_files(
    signed: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from engine.__main__ import main

    monkeypatch.delenv("ENGINE_WATERMARK_KEY", raising=False)
    (tmp_path / "picture.png").write_bytes(signed)
    assert main(["provenance", str(tmp_path / "picture.png")]) == DONE
    printed = capsys.readouterr().out
    assert (
        "trainedAlgorithmicMedia" in printed and "signingCredential.untrusted" in printed and "there, score" in printed
    )
    (tmp_path / "text.png").write_text("hello")
    assert main(["provenance", str(tmp_path / "text.png")]) == UNSUITABLE


def test_a_phones_multi_picture_jpeg_without_marks_is_read() -> None:
    """Pillow calls such a JPEG MPO."""
    buffer = io.BytesIO()
    first, second = (Image.new("RGB", (128, 128), colour) for colour in ("red", "blue"))
    first.save(buffer, "MPO", save_all=True, append_images=[second])
    marks = read_marks(buffer.getvalue(), WATERMARK)
    assert marks.source_type is None and not marks.watermarked
