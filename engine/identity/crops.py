"""Crops of the person and of the head, the same in training and in drawing. Pure.

A window may extend beyond the photo; the area outside is filled with the mean colour of the photo's edge, so that a
window does not depend on the person's place in the photo.
"""

from __future__ import annotations

from PIL import Image, ImageStat

from engine.identity.observation import Box

BODY_MARGIN = 0.05
HEAD_PER_FACE = 1.9
"""Side of the head window in face sizes: hair and chin are inside."""
HEAD_SHIFT_UP = 0.12
"""The height of the head window's centre above the face's, in face heights: the window takes in hair and no neck."""
FACE_HEIGHTS_PER_BODY = 11.0
"""The height of a standing adult in face boxes: a detector's box, brow to chin, is smaller than the head."""
FACE_WIDTHS_PER_BODY = 6.5
"""The width of the body in face boxes: shoulders with the arms slightly apart."""
CROWN_ABOVE_FACE = 0.5
"""The top of the hair above the face box, in face heights."""


def body_crop(image: Image.Image, box: Box | None, width: int = 128, height: int = 192) -> Image.Image:
    """The person inside `box` (px; None: the whole photo) as an RGB picture of exactly `width` x `height`.

    The box gets a small margin and grows about its centre to the picture's aspect; nothing is stretched."""
    if box is None:
        whole = (0.0, 0.0, float(image.width), float(image.height))
        return window(image, _to_aspect(whole, width / height), width, height)
    return window(image, body_window(box, width / height), width, height)


def body_window(box: Box, aspect: float) -> Box:
    """The area px that `body_crop` shows for `box`: with the margin and the width / height `aspect`; may extend beyond
    the photo."""
    return _to_aspect(_with_margin(box, BODY_MARGIN), aspect)


def head_crop(image: Image.Image, face_box: Box, size: int = 32) -> Image.Image:
    """The head around `face_box` (px), hair included, as an RGB picture of `size` x `size`, area-averaged."""
    return window(image, head_box(face_box), size, size)


def head_box(face_box: Box) -> Box:
    """The square px around a face that includes the hair; may extend beyond the photo."""
    x0, y0, x1, y1 = face_box
    half = max(x1 - x0, y1 - y0, 1.0) * HEAD_PER_FACE / 2
    centre_x, centre_y = (x0 + x1) / 2, (y0 + y1) / 2 - HEAD_SHIFT_UP * (y1 - y0)
    return centre_x - half, centre_y - half, centre_x + half, centre_y + half


def body_box_from_face(face_box: Box, width: int, height: int) -> Box:
    """The box of an upright body under this face, clipped to a photo of `width` x `height`.

    Assumes the proportions of a standing adult; for a sitting person it includes more background."""
    x0, y0, x1, y1 = face_box
    face_width, face_height = x1 - x0, y1 - y0
    centre_x, top = (x0 + x1) / 2, y0 - CROWN_ABOVE_FACE * face_height
    half = FACE_WIDTHS_PER_BODY * face_width / 2
    return clipped((centre_x - half, top, centre_x + half, top + FACE_HEIGHTS_PER_BODY * face_height), width, height)


def clipped(box: Box, width: int, height: int) -> Box:
    """The part of `box` inside a photo of `width` x `height`; at least one pixel remains."""
    x0, x1 = _clipped_span(box[0], box[2], float(width))
    y0, y1 = _clipped_span(box[1], box[3], float(height))
    return x0, y0, x1, y1


def window(image: Image.Image, box: Box, width: int, height: int) -> Image.Image:
    """The area `box` (px, may extend beyond the photo) of `image`, scaled to `width` x `height`, RGB."""
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    scale_x, scale_y = width / (box[2] - box[0]), height / (box[3] - box[1])
    inside = clipped(box, rgb.width, rgb.height)
    left, right = round((inside[0] - box[0]) * scale_x), round((inside[2] - box[0]) * scale_x)
    top, bottom = round((inside[1] - box[1]) * scale_y), round((inside[3] - box[1]) * scale_y)
    shrinks = scale_x < 1 and scale_y < 1
    method = Image.Resampling.BOX if shrinks else Image.Resampling.BICUBIC
    size = (max(right - left, 1), max(bottom - top, 1))
    scaled = rgb.resize(size, method, box=inside)
    if size == (width, height):
        return scaled
    canvas = Image.new("RGB", (width, height), edge_colour(rgb))
    canvas.paste(scaled, (left, top))
    return canvas


def edge_colour(image: Image.Image) -> tuple[int, int, int]:
    """The mean colour along the four edges of an RGB photo."""
    width, height = image.size
    strips = ((0, 0, width, 1), (0, height - 1, width, height), (0, 0, 1, height), (width - 1, 0, width, height))
    totals = [0.0, 0.0, 0.0]
    for strip in strips:
        for channel, total in enumerate(ImageStat.Stat(image.crop(strip)).sum):
            totals[channel] += total
    red, green, blue = (round(total / (2 * (width + height))) for total in totals)
    return red, green, blue


def _with_margin(box: Box, margin: float) -> Box:
    x0, y0, x1, y1 = box
    dx, dy = (x1 - x0) * margin, (y1 - y0) * margin
    return x0 - dx, y0 - dy, x1 + dx, y1 + dy


def _to_aspect(box: Box, aspect: float) -> Box:
    """`box` enlarged around its centre to width / height `aspect`."""
    x0, y0, x1, y1 = box
    width, height = max(x1 - x0, 1.0), max(y1 - y0, 1.0)
    width, height = max(width, height * aspect), max(height, width / aspect)
    centre_x, centre_y = (x0 + x1) / 2, (y0 + y1) / 2
    return centre_x - width / 2, centre_y - height / 2, centre_x + width / 2, centre_y + height / 2


def _clipped_span(low: float, high: float, limit: float) -> tuple[float, float]:
    """The part of [low, high] in [0, limit], widened to a pixel where less would be left."""
    low = min(max(low, 0.0), limit - 1.0)
    return low, min(max(high, low + 1.0), limit)
