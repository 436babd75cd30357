"""Marks of AI generation in finished pictures: XMP, a signed C2PA manifest, a watermark."""
