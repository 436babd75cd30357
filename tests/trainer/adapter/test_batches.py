"""Batches: pictures of one size with photos of the same person, and the withheld conditions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from engine.identity.regions import ImageRegion
from trainer.adapter.batches import PairedPhotos, TrainingRow
from trainer.adapter.buckets import bucket_sizes, crop_to_bucket
from trainer.adapter.cache import AdapterCache
from trainer.adapter.recipe import Pairing
from trainer.errors import DataError

ALL = tuple(ImageRegion)
NOTHING_WITHHELD = Pairing(text=0, person=0, both=0, region=0, head_only=0)


def rows_of(photos: PairedPhotos, count: int = 200) -> list[TrainingRow]:
    rng = np.random.default_rng(0)
    bucket = [photo for bucket in photos._buckets for photo in bucket]
    return [photos._row(bucket[int(rng.integers(len(bucket)))], rng) for _ in range(count)]


def test_references_are_other_photos_of_the_same_person(sd15: Any) -> None:
    photos = PairedPhotos(AdapterCache(sd15.cache), "train", NOTHING_WITHHELD, ALL)
    rows = rows_of(photos)
    assert all(reference.person == row.target.person for row in rows for reference in row.references)
    assert all(row.target not in row.references and 1 <= len(row.references) <= 2 for row in rows)
    assert {row.target.split for row in rows} == {"train"}
    assert {row.target.key for row in rows} == {p.key for p in photos.cache.photos if p.split == "train"}


def test_a_caption_leaves_out_the_looks_only_where_the_reference_shows_them(sd15: Any) -> None:
    photos = PairedPhotos(AdapterCache(sd15.cache), "train", NOTHING_WITHHELD, ALL)
    rows = rows_of(photos)
    scenes = [row for row in rows if row.caption == "scene"]
    assert scenes and all(reference.outfit == row.target.outfit for row in scenes for reference in row.references)
    redressed = [row for row in rows if any(r.outfit != row.target.outfit for r in row.references)]
    assert redressed and all(row.caption == "full" for row in redressed)


def test_everything_is_withheld_as_often_as_asked(sd15: Any) -> None:
    pairing = Pairing(text=0.2, person=0.3, both=0.1, region=0, head_only=0)
    rows = rows_of(PairedPhotos(AdapterCache(sd15.cache), "train", pairing, ALL), 3000)
    unseen, silent = np.array([(not row.references, row.caption == "empty") for row in rows]).T
    assert unseen.mean() == pytest.approx(0.1 + 0.9 * 0.3, abs=0.03)
    assert silent.mean() == pytest.approx(0.1 + 0.9 * 0.2, abs=0.03)


def test_a_batch_has_the_tensors_of_its_photos(tiny: Any, cache: AdapterCache) -> None:
    photos = PairedPhotos(cache, "train", NOTHING_WITHHELD, ALL)
    batch = photos.batch(3, np.random.default_rng(4))
    height, width = batch.mean.shape[2:]
    assert batch.mean.shape == batch.std.shape and batch.mask.shape == (3, 1, height, width)
    assert sum(batch.references.counts) == len(batch.references.hidden) == len(batch.references.embeds)
    assert batch.references.hidden.shape[1] == len(ALL) == batch.references.shown.shape[1]
    assert (batch.pooled is not None) == (tiny.base.layout == "sdxl") == (batch.time_ids is not None)
    if batch.time_ids is not None:
        assert batch.time_ids[0, :2].tolist() == [96.0, 64.0]
        assert batch.time_ids[0, 5] / batch.time_ids[0, 4] == pytest.approx(width / height)
    again = photos.batch(3, np.random.default_rng(4))
    assert torch.equal(batch.references.hidden, again.references.hidden) and torch.equal(batch.text, again.text)


def test_a_row_without_a_person_reads_what_adapters_are_shown_in_place_of_a_photo(sd15: Any) -> None:
    cache = AdapterCache(sd15.cache)
    photos = PairedPhotos(cache, "train", NOTHING_WITHHELD, ALL)
    target = cache.photos[0]
    batch = photos.encoded([TrainingRow(target, (), "empty")], [[]])
    references = batch.references
    assert references.counts == [1] and bool(references.shown.all()) and bool((references.nearness == 1).all())
    assert torch.equal(references.hidden[0, 0].float(), cache.shared["hidden.nothing"])
    assert bool((references.embeds == 0).all())
    assert torch.equal(batch.text[0], cache.shared["text.empty"])


def test_regions_are_left_out_at_times_and_only_the_head_stays_at_others(sd15: Any) -> None:
    cache = AdapterCache(sd15.cache)
    rng = np.random.default_rng(0)
    whole = next(p for p in cache.photos if set(p.regions) == set(ALL))
    often = PairedPhotos(cache, "train", Pairing(region=0.5, head_only=0), ALL)
    left = [often._left_out(TrainingRow(whole, (whole,), "full"), rng)[0] for _ in range(100)]
    assert {len(regions) for regions in left} >= {0, 1, 2, 3} and all(len(regions) < len(ALL) for regions in left)
    head = often._left_out(TrainingRow(whole, (whole,), "full", head_only=True), rng)[0]
    assert set(ALL) - head == {ImageRegion.HEAD}
    rows = rows_of(PairedPhotos(cache, "train", Pairing(head_only=1, text=0, both=0, person=0), ALL), 30)
    assert all(row.head_only and row.caption == "full" for row in rows)


def test_people_seen_once_are_no_pairs(sd15: Any) -> None:
    with pytest.raises(DataError, match="people with two photos in the split test"):
        PairedPhotos(AdapterCache(sd15.cache), "test", Pairing(), ALL)
    single = PairedPhotos(AdapterCache(sd15.cache), "train", Pairing(paired=False, person=0, both=0), ALL)
    assert all(row.references == (row.target,) for row in rows_of(single, 50))


def test_buckets_keep_the_area_and_the_step() -> None:
    sizes = bucket_sizes(512 * 768, 64)
    assert (512, 768) in sizes and (768, 512) in sizes and sizes[0] == (576, 576)
    assert all(w % 64 == 0 == h % 64 and 0.8 * 512 * 768 <= w * h <= 512 * 768 and 0.5 <= w / h <= 2 for w, h in sizes)
    assert (832, 1216) in bucket_sizes(1024**2, 64) and (1024, 1024) in bucket_sizes(1024**2, 64)


def test_a_crop_keeps_the_body_and_of_a_tall_body_the_head() -> None:
    sizes = [(512, 512)]
    right = crop_to_bucket(1000, 500, (800.0, 50.0, 950.0, 450.0), sizes)
    assert right.box == (500.0, 0.0, 1000.0, 500.0) and right.offset == (512, 0)
    tall = crop_to_bucket(400, 1000, (100.0, 60.0, 300.0, 980.0), sizes)
    assert tall.box[1] == 60.0 and tall.box[3] == 460.0
    assert crop_to_bucket(400, 600, None, sizes).box == (0.0, 100.0, 400.0, 500.0)
