"""The options of a curation, checked before any photo is opened."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator


class CurateOptions(BaseModel):
    """Limits of one run. Sides are in pixels.

    `duplicate_bits`: photos whose perceptual hashes (64 bits) differ in no more are near-duplicates.
    `same_person`: least cosine between a face and the mean of its person's faces; with the recognition models that
    insightface packs have, strangers lie about 0 and photos of one person mostly above 0.4.
    `background_face`: faces whose side is below this share of the largest one's are passers-by and do not count; 0
    counts every face."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: Path
    out: Path
    min_side_px: int = Field(default=1000, ge=1)
    min_photos: int = Field(default=2, ge=1)
    duplicate_bits: int = Field(default=6, ge=0, le=32)
    same_person: float = Field(default=0.3, gt=0, lt=1)
    background_face: float = Field(default=0.0, ge=0, lt=1)
    need_body: bool = False

    @model_validator(mode="after")
    def _folders_are_apart(self) -> CurateOptions:
        data, out = self.data.resolve(), self.out.resolve()
        if data == out or data in out.parents or out in data.parents:
            raise ValueError(f"expected --out outside --data and the other way round, got {self.out} and {self.data}")
        return self
