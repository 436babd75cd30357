"""The reader of photo files: all valid formats give equal pixels, all faults have their names."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from engine.contract import PHOTO_FORMATS, REFERENCE_MAX_SIDE_PX
from engine.jpeg_stream import count_scans, mend_end
from engine.photo_reader import (
    JPEG_MAX_BYTES,
    JPEG_QUALITIES,
    SCANS_MAX,
    CannotRead,
    PhotoFault,
    PhotoReader,
    encode_jpeg,
)

READER = PhotoReader(PHOTO_FORMATS, REFERENCE_MAX_SIDE_PX, side_min_px=96, aspect_max=5.0, stills_only=True)


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def decoded(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(encode_jpeg(READER.read(data))))
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


def test_noise_is_kept_in_a_bounded_number_of_bytes_and_an_ordinary_photo_at_full_quality():
    side = REFERENCE_MAX_SIDE_PX
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (side, side, 3), np.uint8))
    calm = Image.effect_noise((side, side), 2).convert("RGB")
    best = io.BytesIO()
    calm.save(best, "JPEG", quality=JPEG_QUALITIES[0], subsampling=0)
    assert encode_jpeg(calm) == best.getvalue()
    assert len(best.getvalue()) < JPEG_MAX_BYTES and len(encode_jpeg(noise)) <= JPEG_MAX_BYTES


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
    large = READER.read(encoded(Image.linear_gradient("L").resize((3000, 2000)), "JPEG"))
    small = READER.read(encoded(Image.effect_noise((333, 222), 50), "JPEG"))
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


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "HEIF", "AVIF"])
def test_every_format_of_the_contract_is_read(form):
    assert READER.read(encoded(Image.new("RGB", (120, 160), "navy"), form)).width == 120


def test_a_phones_multi_picture_jpeg_is_a_still_photo():
    first, second = Image.new("RGB", (300, 300), "red"), Image.new("RGB", (60, 60), "blue")
    assert near(middle(encoded(first, "MPO", save_all=True, append_images=[second])), (254, 0, 0), 8)


def moving(form: str) -> bytes:
    still, other = Image.new("RGB", (200, 200), "red"), Image.new("RGB", (200, 200), "blue")
    return encoded(still, form, save_all=True, append_images=[other], duration=50)


NOISE = encoded(Image.effect_noise((400, 400), 90).convert("RGB"), "JPEG")
REFUSED = {
    "empty": (b"", PhotoFault.NOT_AN_IMAGE),
    "text": (b"hello " * 100, PhotoFault.NOT_AN_IMAGE),
    "truncated jpeg": (NOISE[: len(NOISE) // 2], PhotoFault.TRUNCATED),
    "truncated png": (encoded(Image.effect_noise((300, 300), 90), "PNG")[:9000], PhotoFault.TRUNCATED),
    "1 x 1": (encoded(Image.new("RGB", (1, 1)), "PNG"), PhotoFault.TOO_SMALL),
    "thumbnail": (encoded(Image.new("RGB", (60, 80)), "PNG"), PhotoFault.TOO_SMALL),
    "20,000 x 10": (encoded(Image.new("RGB", (20_000, 10)), "PNG"), PhotoFault.TOO_LONG),
    "10 x 20,000": (encoded(Image.new("RGB", (10, 20_000)), "PNG"), PhotoFault.TOO_LONG),
    "animated gif": (moving("GIF"), PhotoFault.ANIMATED),
    "animated webp": (moving("WEBP"), PhotoFault.ANIMATED),
    "animated png": (moving("PNG"), PhotoFault.ANIMATED),
    "jpeg 2000": (encoded(Image.new("RGB", (200, 200)), "JPEG2000"), PhotoFault.NOT_AN_IMAGE),
    "targa": (encoded(Image.new("RGB", (200, 200)), "TGA"), PhotoFault.NOT_AN_IMAGE),
    "icon": (encoded(Image.new("RGB", (200, 200)), "ICO"), PhotoFault.NOT_AN_IMAGE),
    "tiff": (encoded(Image.new("RGB", (200, 200)), "TIFF"), PhotoFault.NOT_AN_IMAGE),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_file_is_refused_by_name(name):
    data, reason = REFUSED[name]
    with pytest.raises(CannotRead) as refused:
        READER.read(data)
    assert refused.value.fault == reason


@pytest.mark.parametrize("side", [8_950, 12_000, 30_000])
def test_a_decompression_bomb_is_refused_by_its_header(side, monkeypatch):
    """One that Pillow lets through, one it warns of, one it refuses: none is decoded."""
    data = bytearray(encoded(Image.new("1", (100, 100)), "PNG"))
    data[16:24] = struct.pack(">II", side, side)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    with pytest.raises(CannotRead) as refused:
        READER.read(bytes(data))
    assert refused.value.fault == PhotoFault.TOO_MANY_PIXELS


@pytest.mark.parametrize("position", range(20, 420, 40))
def test_damage_anywhere_ends_in_a_photo_or_a_refusal(position):
    damaged = bytearray(NOISE)
    damaged[position : position + 12] = b"\xff\x00\x13\x37" * 3
    try:
        assert READER.read(bytes(damaged)).width > 0
    except CannotRead as refused:
        assert refused.fault in PhotoFault


@pytest.mark.parametrize("form", ["AVIF", "WEBP", "HEIF", "PNG", "TIFF"])
def test_one_wrong_byte_in_any_format_ends_in_a_photo_or_a_refusal(form):
    whole = encoded(Image.radial_gradient("L").convert("RGB").resize((120, 100)), form)
    for position in range(0, len(whole), max(1, len(whole) // 100)):
        damaged = bytearray(whole)
        damaged[position] ^= 0x80
        try:
            assert READER.read(bytes(damaged)).width > 0
        except CannotRead as refused:
            assert refused.fault in PhotoFault


def test_postscript_never_starts_ghostscript(tmp_path, monkeypatch):
    """A program named gs is first on PATH; the file is EPS as Pillow knows it."""
    program, trace = tmp_path / "gs", tmp_path / "started"
    program.write_text(f"#!/bin/sh\ntouch {trace}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 300 300\n%%EndComments\nshowpage\n%%EOF\n"
    with pytest.raises(CannotRead) as refused:
        READER.read(postscript)
    assert refused.value.fault == PhotoFault.NOT_AN_IMAGE
    assert not trace.exists()


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("missing", [1, 2])
def test_a_jpeg_that_misses_only_its_end_marker_is_read_as_if_whole(missing, progressive):
    whole = encoded(Image.effect_noise((400, 300), 90).convert("RGB"), "JPEG", progressive=progressive)
    assert READER.read(whole[:-missing]).tobytes() == READER.read(whole).tobytes()


def test_a_jpeg_that_misses_a_thousandth_of_its_pixels_is_read():
    assert READER.read(NOISE[: len(NOISE) - len(NOISE) // 1000]).size == (400, 400)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_jpeg_cut_far_before_its_end_is_refused(share, progressive):
    whole = encoded(Image.effect_noise((400, 300), 90).convert("RGB"), "JPEG", progressive=progressive)
    with pytest.raises(CannotRead) as refused:
        READER.read(whole[: int(len(whole) * share)])
    assert refused.value.fault == PhotoFault.TRUNCATED


def test_a_jpeg_of_one_colour_cut_in_the_middle_is_refused():
    """Its rows are alike, so nothing but the decoder's own count of them tells that half are missing."""
    whole = encoded(Image.new("RGB", (1600, 1600), "teal"), "JPEG")
    with pytest.raises(CannotRead) as refused:
        READER.read(whole[: len(whole) - (len(whole) - 700) // 2])
    assert refused.value.fault == PhotoFault.TRUNCATED


def test_what_is_no_jpeg_has_no_end_to_mend():
    assert mend_end(b"%PDF") is None and mend_end(b"\xff\xd8") is None


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def with_empty_scans(side: int, scans: int) -> bytes:
    """A grey progressive JPEG of few bytes: one DC scan, then AC scans in which each block is empty."""
    blocks = ((side + 7) // 8) ** 2
    start = (
        b"\xff\xd8"
        + segment(0xDB, b"\x00" + bytes([16] * 64))
        + segment(0xC2, struct.pack(">BHHB", 8, side, side, 1) + bytes([1, 0x11, 0]))
        + segment(0xC4, b"\x00" + bytes([1] + [0] * 15) + bytes([0]))
        + segment(0xC4, b"\x10" + bytes([1] + [0] * 15) + bytes([0]))
    )
    no_bits = bytes((blocks + 7) // 8)
    first = segment(0xDA, bytes([1, 1, 0x00, 0, 0, 0x00])) + no_bits
    empty = segment(0xDA, bytes([1, 1, 0x00, 1, 63, 0x00])) + no_bits
    return start + first + empty * (scans - 1) + b"\xff\xd9"


def test_scans_are_counted_only_as_far_as_asked():
    assert count_scans(with_empty_scans(128, 40), 1000) == 40
    assert count_scans(with_empty_scans(128, 40), 7) == 7
    assert count_scans(NOISE, 1000) == 1


def test_a_jpeg_of_very_many_scans_is_refused_before_it_is_decoded(monkeypatch):
    assert READER.read(with_empty_scans(128, SCANS_MAX)).size == (128, 128)
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    with pytest.raises(CannotRead) as refused:
        READER.read(with_empty_scans(128, SCANS_MAX + 1))
    assert refused.value.fault == PhotoFault.TOO_COSTLY


def test_markers_in_thumbnails_and_behind_the_image_are_no_scans_of_it():
    """A phone's motion photo has a film behind its JPEG, an EXIF thumbnail is a JPEG of its own."""
    thumbnail = segment(0xE1, b"\xff\xda" * 500)
    photo = NOISE[:2] + thumbnail + NOISE[2:] + b"\xff\xda" * 500
    assert count_scans(photo, 1000) == 1
    assert READER.read(photo).size == (400, 400)


def test_a_large_transparent_photo_is_turned_and_laid_on_white():
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = READER.read(encoded(Image.new("RGBA", (4000, 3000), (0, 0, 0, 128)), "PNG", exif=exif))
    assert photo.size == (960, REFERENCE_MAX_SIDE_PX)
    assert near(photo.getpixel((480, 640)), (127, 127, 127))
