"""Normalising: every kind of good photo comes out alike, every kind of bad one by name."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from bot import photos
from bot.photos import PhotoRefused, Refusal, is_image_file, normalise
from engine.contract import REFERENCE_MAX_SIDE_PX


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def decoded(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(normalise(data).jpeg))
    image.load()
    return image


def middle(data: bytes) -> tuple[int, int, int]:
    image = decoded(data)
    return image.getpixel((image.width // 2, image.height // 2))


def near(colour: tuple[int, int, int], expected: tuple[int, int, int], tolerance: int = 4) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(colour, expected, strict=True))


def test_what_comes_out_is_a_plain_rgb_jpeg_of_full_colour_resolution_without_metadata():
    exif = Image.Exif()
    exif[0x010E] = "somewhere private"
    image = decoded(encoded(Image.new("RGB", (300, 200), "teal"), "JPEG", exif=exif, comment=b"private"))
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (300, 200))
    assert {layer[1:3] for layer in image.layer} == {(1, 1)}, "4:4:4"
    assert image.info.keys() <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation):
    upright = Image.new("RGB", (300, 200), "white")
    upright.paste("red", (0, 0, 150, 100))
    inverse = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_90",
               7: "TRANSVERSE", 8: "ROTATE_270"}  # fmt: skip
    stored = upright.transpose(Image.Transpose[inverse[orientation]]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = decoded(encoded(stored, "JPEG", quality=95, exif=exif))
    assert image.size == (300, 200)
    assert near(image.getpixel((40, 40)), (255, 0, 0), 8)
    assert near(image.getpixel((260, 160)), (255, 255, 255), 8)


def test_a_large_photo_is_bounded_and_a_small_one_left_as_it_is():
    large = normalise(encoded(Image.linear_gradient("L").resize((3000, 2000)), "JPEG"))
    small = normalise(encoded(Image.effect_noise((333, 222), 50), "JPEG"))
    assert (large.width, large.height) == (REFERENCE_MAX_SIDE_PX, round(REFERENCE_MAX_SIDE_PX * 2 / 3))
    assert (small.width, small.height) == (333, 222)


def test_transparency_is_laid_on_white():
    assert near(middle(encoded(Image.new("RGBA", (200, 200), (0, 0, 0, 0)), "PNG")), (255, 255, 255))
    palette = Image.new("P", (200, 200), 0)
    palette.info["transparency"] = 0
    assert near(middle(encoded(palette, "PNG", transparency=0)), (255, 255, 255))
    assert near(middle(encoded(Image.new("LA", (200, 200), (0, 128)), "PNG")), (127, 127, 127))


def test_cmyk_becomes_rgb():
    assert near(middle(encoded(Image.new("CMYK", (200, 200), (0, 255, 255, 0)), "JPEG")), (254, 0, 0), 8)


def test_16_bit_grey_keeps_its_tones():
    ramp = np.tile(np.linspace(0, 65535, 256).astype(np.uint16), (200, 1))
    image = decoded(encoded(Image.fromarray(ramp), "PNG"))
    tones = [image.getpixel((x, 100))[0] for x in (10, 128, 245)]
    assert near(tuple(tones), (10, 128, 245))


def test_an_embedded_colour_profile_is_applied():
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"????").replace(b"bXYZ", b"rXYZ").replace(b"????", b"bXYZ")
    plain = Image.new("RGB", (200, 200), (120, 60, 30))
    assert near(middle(encoded(plain, "PNG", icc_profile=srgb)), (120, 60, 30))
    assert near(middle(encoded(plain, "PNG", icc_profile=swapped)), (30, 60, 120)), "its red is our blue"


@pytest.mark.parametrize(
    "profile", [b"no profile at all", ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()]
)
def test_a_colour_profile_that_does_not_fit_is_passed_over(profile):
    assert near(middle(encoded(Image.new("RGB", (200, 200), (120, 60, 30)), "PNG", icc_profile=profile)), (120, 60, 30))


def test_heic_is_read():
    assert near(middle(encoded(Image.new("RGB", (256, 256), (200, 40, 40)), "HEIF", quality=90)), (200, 40, 40), 12)


@pytest.mark.parametrize("form", ["GIF", "WEBP", "BMP", "TIFF", "PNG", "AVIF"])
def test_every_usual_still_format_is_read(form):
    assert normalise(encoded(Image.new("RGB", (120, 160), "navy"), form)).width == 120


def test_a_phones_multi_picture_jpeg_is_a_still_photo():
    first, second = Image.new("RGB", (300, 300), "red"), Image.new("RGB", (60, 60), "blue")
    assert near(middle(encoded(first, "MPO", save_all=True, append_images=[second])), (254, 0, 0), 8)


def test_the_same_file_gives_the_same_hash_and_another_another():
    one, two = (encoded(Image.new("RGB", (200, 200), colour), "PNG") for colour in ("red", "blue"))
    assert normalise(one).sha256 == normalise(one).sha256 != normalise(two).sha256


def moving(form: str) -> bytes:
    still, other = Image.new("RGB", (200, 200), "red"), Image.new("RGB", (200, 200), "blue")
    return encoded(still, form, save_all=True, append_images=[other], duration=50)


NOISE = encoded(Image.effect_noise((400, 400), 90).convert("RGB"), "JPEG")
REFUSED = {
    "empty": (b"", Refusal.NOT_AN_IMAGE),
    "text": (b"hello " * 100, Refusal.NOT_AN_IMAGE),
    "truncated jpeg": (NOISE[: len(NOISE) // 2], Refusal.TRUNCATED),
    "truncated png": (encoded(Image.effect_noise((300, 300), 90), "PNG")[:9000], Refusal.TRUNCATED),
    "1 x 1": (encoded(Image.new("RGB", (1, 1)), "PNG"), Refusal.TOO_SMALL),
    "thumbnail": (encoded(Image.new("RGB", (60, 80)), "PNG"), Refusal.TOO_SMALL),
    "20,000 x 10": (encoded(Image.new("RGB", (20_000, 10)), "PNG"), Refusal.TOO_LONG),
    "10 x 20,000": (encoded(Image.new("RGB", (10, 20_000)), "PNG"), Refusal.TOO_LONG),
    "animated gif": (moving("GIF"), Refusal.ANIMATED),
    "animated webp": (moving("WEBP"), Refusal.ANIMATED),
    "animated png": (moving("PNG"), Refusal.ANIMATED),
    "too many bytes": (bytes(photos.FILE_MAX_BYTES + 1), Refusal.FILE_TOO_BIG),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_file_is_refused_by_name(name):
    data, reason = REFUSED[name]
    with pytest.raises(PhotoRefused) as refused:
        normalise(data)
    assert refused.value.reason == reason


@pytest.mark.parametrize("side", [8_950, 12_000, 30_000])
def test_a_decompression_bomb_is_refused_by_its_header(side, monkeypatch):
    """One that Pillow lets through, one it warns of, one it refuses: none is decoded."""
    data = bytearray(encoded(Image.new("1", (100, 100)), "PNG"))
    data[16:24] = struct.pack(">II", side, side)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    with pytest.raises(PhotoRefused) as refused:
        normalise(bytes(data))
    assert refused.value.reason == Refusal.TOO_MANY_PIXELS


@pytest.mark.parametrize("position", range(20, 420, 40))
def test_damage_anywhere_ends_in_a_photo_or_a_refusal(position):
    damaged = bytearray(NOISE)
    damaged[position : position + 12] = b"\xff\x00\x13\x37" * 3
    try:
        assert normalise(bytes(damaged)).width > 0
    except PhotoRefused as refused:
        assert refused.reason in Refusal


def test_documents_are_known_as_images_by_type_or_by_name():
    assert is_image_file("IMG_1.HEIC", "application/octet-stream")
    assert is_image_file(None, "image/jpeg") and is_image_file("x.JPeG", None)
    assert not is_image_file("report.pdf", "application/pdf")
    assert not is_image_file("jpg", None) and not is_image_file(None, None)
