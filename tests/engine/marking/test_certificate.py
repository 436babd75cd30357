"""The certificate that signs pictures."""

from __future__ import annotations

import logging
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa

from engine.errors import SetupError
from engine.marking.certificate import DEVELOPMENT_FILE, open_certificate

NOW = datetime(2026, 8, 1, tzinfo=UTC)


def _pem(folder: Path, now: datetime = NOW) -> Path:
    """Chain and key in one file."""
    open_certificate(None, None, folder, now)
    return folder / DEVELOPMENT_FILE


def test_a_development_certificate_is_made_once_for_the_owner_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    state = tmp_path / "not" / "there"
    certificate = open_certificate(None, None, state, NOW)
    assert open_certificate(None, None, state, NOW + timedelta(days=300)) == certificate
    assert stat.S_IMODE((state / DEVELOPMENT_FILE).stat().st_mode) == 0o600
    assert [path.name for path in state.iterdir()] == [DEVELOPMENT_FILE]
    assert "untrusted" in caplog.messages[0] and "ENGINE_C2PA_CERTIFICATE" in caplog.messages[0]
    assert "PRIVATE" not in repr(certificate)


def test_a_development_certificate_that_is_broken_or_expired_is_made_anew(tmp_path: Path) -> None:
    path = _pem(tmp_path)
    first = path.read_bytes()
    open_certificate(None, None, tmp_path, NOW + timedelta(days=5000))
    second = path.read_bytes()
    path.write_bytes(b"nothing")
    open_certificate(None, None, tmp_path, NOW)
    assert len({first, second, path.read_bytes()}) == 3


def test_the_error_of_a_read_only_state_folder_names_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SetupError, match="ENGINE_STATE"):
        open_certificate(None, None, tmp_path / "file", NOW)


def test_the_operators_own_certificate_is_taken(tmp_path: Path) -> None:
    pem = _pem(tmp_path / "own")
    own_certificate = open_certificate(pem, pem, tmp_path / "state", NOW)
    assert own_certificate.algorithm == "es256"
    assert own_certificate.chain.count(b"BEGIN CERTIFICATE") == 2
    assert not (tmp_path / "state").exists()


def test_a_certificate_alone_is_not_enough(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="got only ENGINE_C2PA_CERTIFICATE"):
        open_certificate(_pem(tmp_path), None, tmp_path, NOW)
    with pytest.raises(SetupError, match="got only ENGINE_C2PA_KEY"):
        open_certificate(None, _pem(tmp_path), tmp_path, NOW)


def test_another_certificates_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="got another's"):
        open_certificate(_pem(tmp_path / "one"), _pem(tmp_path / "two"), tmp_path, NOW)


@pytest.mark.parametrize("days", [-5, 4000])
def test_a_certificate_that_is_not_valid_now_is_refused(tmp_path: Path, days: int) -> None:
    pem = _pem(tmp_path)
    with pytest.raises(SetupError, match="valid now, got one for 2026-07-31 to 2036-"):
        open_certificate(pem, pem, tmp_path, NOW + timedelta(days=days))


def test_a_certificate_that_expires_soon_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pem = _pem(tmp_path)
    open_certificate(pem, pem, tmp_path, NOW + timedelta(days=3640))
    assert "expires on" in caplog.messages[-1]


def test_the_error_names_files_that_are_absent_or_no_pem(tmp_path: Path) -> None:
    pem, text = _pem(tmp_path), tmp_path / "text"
    text.write_text("hello")
    for certificate, key, expected in (
        (tmp_path / "absent", pem, "absent: No such file"),
        (text, pem, "expected a chain of PEM certificates"),
        (pem, text, "expected a PEM private key"),
    ):
        with pytest.raises(SetupError, match=expected) as caught:
            open_certificate(certificate, key, tmp_path, NOW)
        assert "\n" not in str(caught.value)


def test_a_key_of_an_unsupported_kind_is_refused(tmp_path: Path) -> None:
    key = tmp_path / "key"
    numbers = dsa.generate_private_key(1024)
    key.write_bytes(
        numbers.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    with pytest.raises(SetupError):
        open_certificate(_pem(tmp_path), key, tmp_path, NOW)
