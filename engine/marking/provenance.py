"""Every picture has three marks of AI generation: XMP, a signed C2PA manifest, and a watermark in its pixels. Other
programs read the first two, which are lost where a service encodes the picture again (Telegram's photos); the watermark
remains. `Marker` writes the marks, `read_marks` reads them.
"""

from __future__ import annotations

import io
import json
import logging
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

import c2pa
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from engine.errors import BadReference, MarkError, SetupError
from engine.jpeg_stream import BROKEN
from engine.marking.certificate import Certificate
from engine.marking.watermark import THRESHOLD, Watermark

log = logging.getLogger(__name__)

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
PRODUCT = "BoLID"
IPTC_EXTENSION = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
XMP_BASIC = "http://ns.adobe.com/xap/1.0/"
PNG_XMP = "XML:com.adobe.xmp"

PURPOSES = ("1.3.6.1.5.5.7.3.4", "1.3.6.1.5.5.7.3.36", "1.3.6.1.4.1.62558.2.1")
"""The purposes that a signer's certificate may have: e-mail protection, document signing, C2PA claims."""
C2PA_SETTINGS = {
    "builder": {"thumbnail": {"enabled": False}},  # a second copy of the picture, made for each of them
    "trust": {"trust_config": "\n".join(PURPOSES)},
    "verify": {"verify_after_sign": True, "remote_manifest_fetch": False, "ocsp_fetch": False},
}
FORMATS = ("PNG", "JPEG", "WEBP")
JPEG_TYPE = "image/jpeg"
"""The MIME types of formats by Pillow's names; MPO is the JPEG of some phones."""
MIME_TYPES = {"PNG": "image/png", "JPEG": JPEG_TYPE, "WEBP": "image/webp"}


@dataclass(frozen=True)
class GenerationFacts:
    """Facts in the marks beside the origin. They contain nothing about the person or the prompt."""

    backbone: str


class Marker:
    """Writes all three marks. Not thread-safe.

    A picture that cannot be signed is not delivered: a delivered one cannot be recalled, while another attempt costs
    seconds. Detectable errors (a wrong or expired certificate) are raised at the start.
    """

    def __init__(self, certificate: Certificate, watermark: Watermark, timestamp_url: str | None = None) -> None:
        """Signs a trial picture: raises SetupError with the reason where the certificate cannot sign for C2PA.

        With `timestamp_url` (RFC 3161) each signature is dated by that authority, over the network; where it cannot
        be reached the picture is signed without."""
        self._watermark = watermark
        self._version = _version()
        self._context = c2pa.Context.from_dict(C2PA_SETTINGS)
        try:
            self._signer = _signer(certificate, None)
            self._dating_signer = _signer(certificate, timestamp_url) if timestamp_url else None
            self._sign(
                _png(Image.new("RGB", (8, 8)), self._xmp(GenerationFacts("trial"))),
                GenerationFacts("trial"),
                self._signer,
            )
        except c2pa.C2paError as error:
            raise SetupError(f"expected a certificate that may sign for C2PA, got: {_line(error)}") from error

    def __call__(self, picture: Image.Image, facts: GenerationFacts) -> bytes:
        """A PNG with the marks. Raises MarkError where it cannot be signed."""
        plain = _png(self._watermark.mark(picture), self._xmp(facts))
        if self._dating_signer is not None:
            try:
                return self._sign(plain, facts, self._dating_signer)
            except c2pa.C2paError as error:
                log.warning("a picture is signed without a time stamp: %s", _line(error))
        try:
            return self._sign(plain, facts, self._signer)
        except c2pa.C2paError as error:
            raise MarkError(f"the picture could not be signed: {_line(error)}") from error

    def _sign(self, png: bytes, facts: GenerationFacts, signer: c2pa.Signer) -> bytes:
        """The signed PNG, verified: C2PA's library reads back what it wrote."""
        signed = io.BytesIO()
        c2pa.Builder(self._manifest(facts), self._context).sign(signer, "image/png", io.BytesIO(png), signed)
        return signed.getvalue()

    def _manifest(self, facts: GenerationFacts) -> dict[str, Any]:
        agent = {"name": f"{PRODUCT} {facts.backbone}", "version": self._version}
        actions = [
            {"action": "c2pa.created", "digitalSourceType": SOURCE_TYPE, "softwareAgent": agent},
            {"action": "c2pa.watermarked.unbound"},
        ]
        return {
            "claim_generator_info": [{"name": PRODUCT, "version": self._version}],
            "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": actions}}],
        }

    def _xmp(self, facts: GenerationFacts) -> str:
        tool = quoteattr(f"{PRODUCT} {self._version} ({facts.backbone})")
        return (
            '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
            '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
            '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
            f'<rdf:Description rdf:about="" xmlns:xmp="{XMP_BASIC}" xmlns:Iptc4xmpExt="{IPTC_EXTENSION}" '
            f'xmp:CreatorTool={tool} Iptc4xmpExt:DigitalSourceType="{SOURCE_TYPE}"/>'
            '</rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
        )


class Signature(StrEnum):
    """The verdict on a file's C2PA manifest."""

    ABSENT = "absent"
    TRUSTED = "trusted"
    UNTRUSTED = "valid, the signer is not trusted"
    INVALID = "invalid"


@dataclass(frozen=True)
class Marks:
    """The marks of origin in a file."""

    source_type: str | None
    """XMP's Iptc4xmpExt:DigitalSourceType."""
    creator_tool: str | None
    signature: Signature
    signer: str | None
    problems: tuple[str, ...] = field(default=())
    """C2PA's codes of the manifest's faults."""
    watermark_score: float = 0.0

    @property
    def watermarked(self) -> bool:
        return self.watermark_score > THRESHOLD


def read_marks(content: bytes, watermark: Watermark) -> Marks:
    """The marks of a PNG, JPEG or WebP file. Raises BadReference for other files."""
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
            picture.load()
    except (*BROKEN, Image.DecompressionBombError) as error:
        raise BadReference(f"expected a PNG, JPEG or WebP picture: {error}") from error
    source_type, creator_tool = _read_xmp(picture)
    signature, signer, problems = _read_manifest(content, MIME_TYPES.get(str(picture.format), JPEG_TYPE))
    return Marks(source_type, creator_tool, signature, signer, problems, watermark.score(picture))


def _read_xmp(picture: Image.Image) -> tuple[str | None, str | None]:
    """(DigitalSourceType, CreatorTool), as attributes or as elements."""
    packet = picture.info.get(PNG_XMP) or picture.info.get("xmp") or ""
    try:
        tree = ElementTree.fromstring(packet)
    except ElementTree.ParseError:
        return None, None
    return _property(tree, f"{{{IPTC_EXTENSION}}}DigitalSourceType"), _property(tree, f"{{{XMP_BASIC}}}CreatorTool")


def _property(tree: ElementTree.Element, name: str) -> str | None:
    for element in tree.iter():
        if found := element.get(name) or (element.text if element.tag == name else None):
            return found
    return None


def _read_manifest(content: bytes, mime_type: str) -> tuple[Signature, str | None, tuple[str, ...]]:
    try:
        reader = c2pa.Reader.try_create(mime_type, io.BytesIO(content), context=c2pa.Context.from_dict(C2PA_SETTINGS))
        if reader is None:
            return Signature.ABSENT, None, ()
        with reader:
            report, state = json.loads(reader.json()), reader.get_validation_state()
    except c2pa.C2paError as error:
        return Signature.INVALID, None, (_line(error),)
    manifest = report["manifests"][report["active_manifest"]]
    problems = tuple(sorted({status["code"] for status in report.get("validation_status", [])}))
    states = {"Trusted": Signature.TRUSTED, "Valid": Signature.UNTRUSTED}
    return states.get(state, Signature.INVALID), manifest.get("signature_info", {}).get("issuer"), problems


def _signer(certificate: Certificate, timestamp_url: str | None) -> c2pa.Signer:
    address = timestamp_url.encode() if timestamp_url else None
    return c2pa.Signer.from_info(
        c2pa.C2paSignerInfo(certificate.algorithm.encode(), certificate.chain, certificate.key, address)
    )


def _png(picture: Image.Image, xmp: str) -> bytes:
    texts, buffer = PngInfo(), io.BytesIO()
    texts.add_itxt(PNG_XMP, xmp)
    picture.save(buffer, "PNG", pnginfo=texts)
    return buffer.getvalue()


def _version() -> str:
    try:
        return version("bolid")
    except PackageNotFoundError:
        return "unknown"


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
