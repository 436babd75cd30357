"""Photo files of unknown origin -> upright sRGB pixels of bounded size. The one reader of the bot and of the engine.

The engine calls `PhotoReader.read` in its own process. The bot runs `python -m engine.photo_reader SETTINGS` as a child
process for each photo, because a decoder cannot be interrupted in a thread and may hold the interpreter lock for
seconds: the settings (JSON of `ReaderSettings`) come as the argument, the file on stdin; stdout takes one line of JSON
({"width", "height"} in px, or {"refused": a `PhotoFault`}) and then the photo as JPEG. Only the standard library,
Pillow and pillow_heif are imported, so that a child starts in a tenth of a second and needs few pages of memory.
"""

from __future__ import annotations

import dataclasses
import io
import json
import resource
import sys
import warnings
from dataclasses import dataclass
from enum import StrEnum

import pillow_heif
from PIL import AvifImagePlugin, Image, ImageCms, ImageOps, UnidentifiedImageError

from engine.jpeg_stream import BROKEN, count_scans, mend_end

DRAFT_FORMATS = frozenset({"JPEG", "MPO"})
"""Formats that may have more pixels, because they are decoded at a fraction of their size where they are larger than
needed."""
DRAFT_PIXELS_MAX = 80_000_000
PIXELS_MAX = 50_000_000
"""The limit of all other formats, whose pixels are all in memory at once, at up to four bytes each, twice while
converted."""
SCANS_MAX = 100
"""A progressive JPEG of an ordinary encoder has about ten scans; each costs one pass over all its coefficients."""
JPEG_QUALITIES = (95, 90, 85, 75, 60, 40, 25, 15)
JPEG_MAX_BYTES = 600_000
"""The limit of photos sent to workers through the broker. Ordinary photos fit at the first quality, noise needs the
last."""
GIF_SIGNATURES = (b"GIF87a", b"GIF89a")
_DEEP_GREY_MODES = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N"})
_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))

pillow_heif.register_heif_opener()
pillow_heif.options.DECODE_THREADS = 1
AvifImagePlugin.DEFAULT_MAX_THREADS = 1


class PhotoFault(StrEnum):
    """The reason why a file cannot be used."""

    NOT_AN_IMAGE = "not_an_image"
    TRUNCATED = "truncated"
    UNREADABLE = "unreadable"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_COSTLY = "too_costly"
    TOO_SMALL = "too_small"
    TOO_LONG = "too_long"
    ANIMATED = "animated"


class CannotRead(Exception):
    """The file cannot be used; `fault` says why."""

    def __init__(self, fault: PhotoFault, detail: str = "") -> None:
        super().__init__(f"{fault}: {detail}" if detail else str(fault))
        self.fault = fault


@dataclass(frozen=True)
class PhotoReader:
    """Reads the first frame of files in `formats` (Pillow's names); no other decoder runs.

    `side_min_px` and `aspect_max` bound what is accepted, `stills_only` refuses animations.
    """

    formats: tuple[str, ...]
    side_max_px: int
    side_min_px: int = 1
    aspect_max: float = float("inf")
    stills_only: bool = False

    def read(self, data: bytes) -> Image.Image:
        """The photo in mode RGB, in sRGB, rotated by EXIF's orientation, transparency on white, longest side <=
        `side_max_px`.

        A JPEG that misses only its last bytes is read, see `engine.jpeg_stream.mend_end`. Raises CannotRead."""
        if data.startswith(GIF_SIGNATURES) and "GIF" not in self.formats:
            raise CannotRead(PhotoFault.ANIMATED, "GIF files are not photos")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of large or odd files; both are judged here
            try:
                return self._decode(data)
            except CannotRead as cannot:
                whole = mend_end(data) if cannot.fault is PhotoFault.TRUNCATED else None
                if whole is None:
                    raise
                return self._decode(whole)

    def _decode(self, data: bytes) -> Image.Image:
        try:
            with Image.open(io.BytesIO(data), formats=self.formats) as photo:
                self._check_header(photo, data)
                return self._small_rgb(photo)
        except UnidentifiedImageError as error:
            raise CannotRead(PhotoFault.NOT_AN_IMAGE) from error
        except Image.DecompressionBombError as error:
            raise CannotRead(PhotoFault.TOO_MANY_PIXELS) from error
        except MemoryError as error:
            raise CannotRead(PhotoFault.TOO_COSTLY) from error
        except BROKEN as error:
            raise CannotRead(_fault_of(error), str(error)) from error

    def _check_header(self, photo: Image.Image, data: bytes) -> None:
        width, height = photo.size
        if max(width, height) < self.side_min_px or min(width, height) < 1:
            raise CannotRead(PhotoFault.TOO_SMALL)
        if max(width, height) > self.aspect_max * min(width, height):
            raise CannotRead(PhotoFault.TOO_LONG)
        if min(width, height) < self.side_min_px:
            raise CannotRead(PhotoFault.TOO_SMALL)
        is_jpeg = photo.format in DRAFT_FORMATS
        if width * height > (DRAFT_PIXELS_MAX if is_jpeg else PIXELS_MAX):
            raise CannotRead(PhotoFault.TOO_MANY_PIXELS, f"{width} x {height}")
        if is_jpeg and count_scans(data, SCANS_MAX + 1) > SCANS_MAX:
            raise CannotRead(PhotoFault.TOO_COSTLY, f"more than {SCANS_MAX} scans")
        if self.stills_only and photo.format != "MPO" and getattr(photo, "is_animated", False):
            raise CannotRead(PhotoFault.ANIMATED)

    def _small_rgb(self, photo: Image.Image) -> Image.Image:
        """The photo reduced to `side_max_px` first, so that every later step needs little memory."""
        bound = (self.side_max_px, self.side_max_px)
        photo.draft(photo.mode, bound)
        photo.load()
        profile = photo.info.get("icc_profile")
        small = _resizable(photo)
        small.thumbnail(bound, Image.Resampling.LANCZOS)
        return _srgb(_flat(ImageOps.exif_transpose(small)), profile)


def _resizable(photo: Image.Image) -> Image.Image:
    """The same photo in a mode whose pixels may be averaged, with its EXIF."""
    if photo.mode in _DEEP_GREY_MODES:
        return photo.convert("I")
    if photo.mode in ("L", "RGB", "CMYK", "LA", "RGBA") and "transparency" not in photo.info:
        return photo
    return photo.convert("RGBA" if photo.has_transparency_data else "RGB")


def _flat(photo: Image.Image) -> Image.Image:
    """8 bits per channel, transparency on white; L, RGB or CMYK."""
    if photo.mode == "I":
        return photo.point(lambda level: level * (1 / 257)).convert("L")
    if photo.mode in ("LA", "RGBA"):
        layer = photo.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return photo


def _srgb(photo: Image.Image, profile: bytes | None) -> Image.Image:
    """Colours as the embedded profile means them; a profile that does not fit the pixels is ignored."""
    if profile and photo.mode in ("RGB", "CMYK"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(photo, source, _SRGB, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            converted = None
        if converted is not None:
            return converted
    return photo.convert("RGB")


def _fault_of(error: Exception) -> PhotoFault:
    words = str(error).lower()
    cut_short = any(part in words for part in ("truncated", "broken data stream", "end of file", "eof"))
    return PhotoFault.TRUNCATED if cut_short else PhotoFault.UNREADABLE


def encode_jpeg(photo: Image.Image) -> bytes:
    """JPEG without chroma subsampling and metadata, at the best quality that fits JPEG_MAX_BYTES."""
    photo.info.clear()  # Pillow would copy comments and other metadata
    content = b""
    for quality in JPEG_QUALITIES:
        buffer = io.BytesIO()
        photo.save(buffer, "JPEG", quality=quality, subsampling=0)
        content = buffer.getvalue()
        if len(content) <= JPEG_MAX_BYTES:
            break
    return content


@dataclass(frozen=True)
class ReaderSettings:
    """The settings of a child process: formats and sizes to read, limits of memory and processor time."""

    reader: PhotoReader
    memory_max_bytes: int
    """The limit of address space, including code and libraries."""
    cpu_max_s: int

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> ReaderSettings:
        values = json.loads(text)
        reader = values["reader"]
        return cls(**{**values, "reader": PhotoReader(**{**reader, "formats": tuple(reader["formats"])})})


def main() -> int:
    """Reads stdin, writes stdout; the exit code is 0 also where the file was refused. The kernel ends the process
    beyond a limit."""
    settings = ReaderSettings.from_json(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (settings.memory_max_bytes, settings.memory_max_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (settings.cpu_max_s, settings.cpu_max_s + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    jpeg = b""
    try:
        photo = settings.reader.read(sys.stdin.buffer.read())
        jpeg = encode_jpeg(photo)
        head: dict[str, object] = {"width": photo.width, "height": photo.height}
    except CannotRead as cannot:
        head = {"refused": cannot.fault}
    except MemoryError:
        head = {"refused": PhotoFault.TOO_COSTLY}
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + jpeg)
    return 0


if __name__ == "__main__":
    sys.exit(main())
