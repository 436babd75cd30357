"""The certificate that signs pictures: the operator's, or a development certificate made here."""

from __future__ import annotations

import inspect
import logging
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from engine.errors import SetupError

log = logging.getLogger(__name__)

DEVELOPMENT_FILE = "c2pa-development.pem"
DEVELOPMENT_VALIDITY = timedelta(days=3650)
EXPIRY_WARNING = timedelta(days=30)
CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}


@dataclass(frozen=True)
class Certificate:
    """A chain, leaf first, and the leaf's private key, both PEM."""

    chain: bytes
    key: bytes = field(repr=False)
    algorithm: str
    """The signing algorithm by C2PA's name: es256, es384, es512, ps256 or ed25519."""


def open_certificate(certificate: Path | None, key: Path | None, state: Path, now: datetime) -> Certificate:
    """The operator's certificate where both paths are given; else the development certificate, made in `state` once.

    Raises SetupError where a file cannot be read, the key is another certificate's, or the certificate is not valid
    `now` (with a time zone)."""
    if certificate is not None and key is not None:
        return _checked(_read(certificate), _read(key), str(certificate), now)
    if certificate is not None or key is not None:
        raise SetupError(
            "expected both ENGINE_C2PA_CERTIFICATE and ENGINE_C2PA_KEY, or neither, got only "
            + ("ENGINE_C2PA_KEY" if certificate is None else "ENGINE_C2PA_CERTIFICATE")
        )
    return _development(state / DEVELOPMENT_FILE, now)


def _development(path: Path, now: datetime) -> Certificate:
    """The development certificate; an expired or damaged one is replaced."""
    try:
        content = path.read_bytes()
        found = _checked(content, content, str(path), now)
    except (OSError, SetupError):
        content = _make_development(now)
        _keep(path, content)
        found = _checked(content, content, str(path), now)
    log.info(
        "pictures are signed with the development certificate %s, which validators call untrusted: "
        "for your own set ENGINE_C2PA_CERTIFICATE and ENGINE_C2PA_KEY",
        path,
    )
    return found


def _checked(chain: bytes, key: bytes, name: str, now: datetime) -> Certificate:
    try:
        certificates = x509.load_pem_x509_certificates(chain)
    except ValueError as error:
        raise SetupError(f"{name}: expected a chain of PEM certificates, the signer's first: {error}") from error
    try:
        private = load_pem_private_key(key, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SetupError(f"the key of {name}: expected a PEM private key without a passphrase: {error}") from error
    leaf = certificates[0]
    if _public_bytes(private.public_key()) != _public_bytes(leaf.public_key()):
        raise SetupError(
            f"{name}: expected the certificate of the key, got another's: give the two that were made together"
        )
    begins, ends = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    if not begins <= now <= ends:
        raise SetupError(
            f"{name}: expected a certificate valid now, got one for {begins:%Y-%m-%d} to {ends:%Y-%m-%d}: renew it"
        )
    if ends - now < EXPIRY_WARNING:
        log.warning("%s expires on %s: no picture can be signed after that, renew it", name, f"{ends:%Y-%m-%d}")
    return Certificate(
        b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates),
        private.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ),  # the one form that C2PA's library reads
        _algorithm(private, name),
    )


def _algorithm(key: object, name: str) -> str:
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in CURVES:
        return CURVES[key.curve.name]
    if isinstance(key, rsa.RSAPrivateKey):
        return "ps256"
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    raise SetupError(f"{name}: expected a key on P-256, P-384 or P-521, RSA or Ed25519, got {type(key).__name__}")


def _public_bytes(key: object) -> bytes:
    encode = getattr(key, "public_bytes")  # noqa: B009  (the union of key types has some without it)
    return bytes(encode(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SetupError(f"{path}: {error.strerror or error}") from error


def _keep(path: Path, content: bytes) -> None:
    """Writes a file that only its owner can read, atomically, because several workers may start at once."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent)  # mode 0600
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(temporary).replace(path)
    except OSError as error:
        raise SetupError(
            f"{path}: cannot keep a development certificate there ({error.strerror or error}): "
            "set ENGINE_STATE to a folder that can be written"
        ) from error


def _make_development(now: datetime) -> bytes:
    """Leaf, authority and the leaf's key as PEM. The authority's key is not stored: it signs nothing else."""
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority_name, name = _name("BoLID development authority"), _name("BoLID development")
    authority = _issue(
        _draft(authority_name, authority_name, authority_key, authority_key, now),
        authority_key,
        x509.BasicConstraints(ca=True, path_length=0),
        ("key_cert_sign", "crl_sign"),
    )
    leaf = _issue(
        # C2PA's validators want a purpose, and by default accept this one of the common ones
        _draft(name, authority_name, key, authority_key, now).add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False
        ),
        authority_key,
        x509.BasicConstraints(ca=False, path_length=None),
        ("digital_signature",),
    )
    chain = leaf.public_bytes(Encoding.PEM) + authority.public_bytes(Encoding.PEM)
    return chain + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _name(common: str) -> x509.Name:
    organisation = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "BoLID development")
    return x509.Name([organisation, x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _draft(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    now: datetime,
) -> x509.CertificateBuilder:
    public = key.public_key()
    return (
        x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # the reader's clock may be behind
        .not_valid_after(now + DEVELOPMENT_VALIDITY)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )


def _issue(
    draft: x509.CertificateBuilder,
    issuer_key: ec.EllipticCurvePrivateKey,
    constraints: x509.BasicConstraints,
    usages: Sequence[str],
) -> x509.Certificate:
    parameters = inspect.signature(x509.KeyUsage).parameters
    usage = x509.KeyUsage(**{name: name in usages for name in parameters})
    draft = draft.add_extension(constraints, critical=True).add_extension(usage, critical=True)
    return draft.sign(issuer_key, hashes.SHA256())
