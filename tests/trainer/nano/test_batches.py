"""Rows of a batch: targets, references, and hidden clothes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from engine.backbones.nano.attributes import NAMES
from engine.backbones.nano.references import OFF_PERSON, UNDER_TOP, ReferencePhoto, prepare
from engine.body.atlas import shipped_atlas
from engine.body.texture import Sources
from trainer.errors import DataError
from trainer.nano.batches import FRAMING_SHARES, Batches
from trainer.nano.degrading import degraded, occluder, out_of_focus, wrong_parts
from trainer.nano.feed import CHUNK, Feed
from trainer.nano.preparing import wrong_mask
from trainer.nano.store import Store, build_store
from trainer.synthetic.parts import Part
from trainer.synthetic.shot import FRAMINGS

ATLAS = shipped_atlas()


def test_the_store_holds_what_the_shards_show(store: Store, nano_shards: Path) -> None:
    assert len(store) == 12
    assert store.column("identity").tolist() == sorted([1_000_000, 1_000_001, 1_000_002] * 4)
    on_body, person = store.row("surface", 0) > 0, store.row("parts", 0)[::2, ::2] > 0
    assert (on_body & person).sum() > 0.9 * on_body.sum()


def test_a_store_that_is_complete_is_not_built_again(store: Store, nano_shards: Path) -> None:
    before = (store.folders[0] / "image.npy").stat().st_mtime_ns
    assert build_store(nano_shards, store.folders[0].parent) == 1
    assert (store.folders[0] / "image.npy").stat().st_mtime_ns == before


def test_a_folder_without_shards_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"trainer\.synthetic"):
        build_store(tmp_path, tmp_path / "store")


def test_references_are_other_photos_of_the_same_person(store: Store) -> None:
    batches = Batches(store, ATLAS, 8)
    rng = np.random.default_rng(0)
    for _ in range(5):
        batch = batches.of(batches.targets, rng)
        identity = store.column("identity")
        assert (identity[batch.references] == identity[batch.rows]).all()
        assert (batch.references != batch.rows).all()


def test_batches_are_the_same_for_the_same_seed(store: Store) -> None:
    batches = Batches(store, ATLAS, 8)
    first, second = (batches.of(batches.targets[:4], np.random.default_rng(7)) for _ in range(2))

    assert torch.equal(first.picture, second.picture)
    assert torch.equal(first.appearance.views.body, second.appearance.views.body)
    assert torch.equal(first.appearance.texture, second.appearance.texture)
    assert torch.equal(first.values, second.values)


def test_clothes_of_another_outfit_are_hidden_or_the_words_would_lie(store: Store) -> None:
    batches = Batches(store, ATLAS, 8)
    rng, outfit = np.random.default_rng(1), store.column("outfit")
    found = 0
    for _ in range(40):
        plan = batches._plan(int(rng.choice(batches.targets)), rng)
        if any(outfit[row] != outfit[plan.target] for row in plan.references):
            found += 1
            assert set(UNDER_TOP) <= set(plan.hidden_regions)
    assert found > 0


def test_a_hidden_top_is_gone_from_view_and_texture(store: Store) -> None:
    row = int(np.flatnonzero(store.column("framing") == 0)[0])
    parts = store.row("parts", row)
    photo = ReferencePhoto(
        store.row("image", row),
        parts > 0,
        parts,
        store.row("joints", row)[:, :3],
        store.row("surface", row),
        store.row("normal", row),
        store.row("regions", row)[0],
    )
    sureness = store.row("source_sureness", row)[0] / np.float32(255)
    sources = Sources(store.row("source_pixel", row)[0].astype(np.int32), sureness)
    shown, hidden = (prepare(photo, sources, regions, ATLAS) for regions in ((), UNDER_TOP))

    covered = torch.isin(ATLAS.region, torch.tensor([int(region) for region in UNDER_TOP]))
    assert hidden.texture[3, covered].max() == 0
    kept, before = hidden.texture[3, ~covered], shown.texture[3, ~covered]
    assert torch.equal(kept, before * (kept > 0)), "what a top shows at the neck is hidden too"
    assert 0.5 * (before > 0).sum() < (kept > 0).sum() <= (before > 0).sum()
    assert hidden.body.mask.astype(int).sum() < 0.8 * shown.body.mask.astype(int).sum()
    assert hidden.face is not None and shown.face is not None
    top = np.repeat(np.repeat(np.isin(photo.regions, [int(r) for r in UNDER_TOP]), 2, 0), 2, 1)
    assert (top & (parts == Part.TOP)).sum() > 0.6 * (parts == Part.TOP).sum()
    assert hidden.colours[Part.TOP].abs().max() == 0 and shown.colours[Part.TOP, 3] > 0
    assert not (hidden.head.mask & (parts == Part.TOP)).any()


def test_regions_cover_the_person_and_nothing_else(store: Store) -> None:
    regions = store.row("regions", 0)[0]
    person = store.row("parts", 0) > 0
    share = person.reshape(120, 2, 80, 2).mean((1, 3))

    assert (regions[share == 0] == OFF_PERSON).all()
    assert (regions[share == 1] != OFF_PERSON).all()


def test_a_mirrored_picture_comes_with_its_mirrored_map(store: Store) -> None:
    batches = Batches(store, ATLAS, 8)
    surface, normal = store.row("surface", 0), store.row("normal", 0)
    image, parts = store.row("image", 0), store.row("parts", 0)
    turned = batches._flip(image, parts, surface, normal)
    again = batches._flip(*turned)

    assert np.array_equal(turned[0], image[:, ::-1])
    assert np.array_equal(again[0], image)
    assert np.array_equal(again[2] > 0, surface > 0)
    assert np.abs(again[3].astype(int) - normal.astype(int)).max() == 0


def test_a_mirrored_reference_gives_its_texture_to_mirrored_points(store: Store) -> None:
    batches = Batches(store, ATLAS, 8, augment=False)
    rng = np.random.default_rng(0)
    own, mirrored = (batches._reference(0, (), flip, rng) for flip in (False, True))

    there = ATLAS.mirror[ATLAS.mirror] == torch.arange(len(ATLAS))  # points with a partner of their own
    moved = mirrored.texture[:, ATLAS.mirror][:, there]
    kept = own.texture[:, there]
    assert (moved[:4] - kept[:4]).abs().max() < 0.02
    assert (moved[4] == kept[4]).float().mean() > 0.9  # of two pixels the mirrored photo shows the other
    assert np.abs(mirrored.body.rgb[:, ::-1].astype(int) - own.body.rgb.astype(int)).mean() < 4


def test_words_name_what_the_picture_shows(store: Store) -> None:
    batches = Batches(store, ATLAS, 8)
    batch = batches.of(batches.targets, np.random.default_rng(2))
    true = store.rows("attributes", batch.rows)

    said = batch.values.numpy()
    assert ((said == 0) | (said == true)).all()
    assert (said[:, NAMES.index("place")] > 0).mean() > 0.6


def test_portraits_are_drawn_more_often_than_they_were_rendered(store: Store) -> None:
    batches = Batches(store, ATLAS, 8)

    drawn = batches.framing[batches.sample_targets(4000, np.random.default_rng(0))]

    present = [name for number, name in enumerate(FRAMINGS) if number in batches.framing[batches.targets]]
    assert len(present) > 1
    total = sum(FRAMING_SHARES[name] for name in present)
    for name in present:
        assert (drawn == FRAMINGS.index(name)).mean() == pytest.approx(FRAMING_SHARES[name] / total, abs=0.03)


def test_the_head_weighs_more_than_the_body_and_eyes_weigh_most(store: Store) -> None:
    batches = Batches(store, ATLAS, 8, augment=False)
    row = int(batches.targets[np.argmax(batches.framing[batches.targets])])
    batch = batches.of(np.array([row]), np.random.default_rng(0))

    def mean(mask: torch.Tensor) -> float:
        share = F.avg_pool2d(mask[None].float(), 8)
        return float((batch.weight[0] * share).sum() / share.sum())

    layout = batch.layout
    assert mean(layout == Part.FACE) > mean(layout == Part.SKIN) > mean(layout == Part.TOP) > mean(layout == 0)


def test_degraded_photos_stay_photos() -> None:
    image = np.full((240, 160, 3), 120, np.uint8)
    rng = np.random.default_rng(3)
    for _ in range(20):
        found = degraded(image, rng)
        assert found.shape == image.shape and found.dtype == np.uint8
        assert 60 < found.mean() < 200


def test_masks_are_wrong_by_some_pixels_only() -> None:
    person = np.zeros((240, 160), bool)
    person[40:200, 50:110] = True
    rng = np.random.default_rng(4)
    for _ in range(20):
        other = wrong_mask(person, rng)
        assert (other & person).sum() / (other | person).sum() > 0.8
        assert 0 < occluder(person, rng).sum() < person.size / 4


def test_processes_make_batches_of_the_size_asked_for(store: Store) -> None:
    feed = Feed(Batches(store, ATLAS, 8), workers=2)
    rng = np.random.default_rng(0)
    first, second = feed(2 * CHUNK, rng), feed(2 * CHUNK, rng)

    assert first.picture.shape == (2 * CHUNK, 3, 240, 160) and first.appearance.scales.shape == (2, 2 * CHUNK)
    assert not torch.equal(first.picture, second.picture)
    same = store.column("identity")[first.rows] == store.column("identity")[first.references]
    assert same.all()


def test_the_person_stays_sharp_before_a_soft_background_without_a_halo() -> None:
    stripes = np.zeros((240, 160, 3), np.uint8)
    stripes[:, ::2] = 255
    person = np.zeros((240, 160), bool)
    person[60:180, 60:100] = True
    image = np.where(person[..., None] & (stripes == 0), np.uint8(200), stripes)

    soft = out_of_focus(image, person)

    assert np.array_equal(soft[70:170, 70:90], image[70:170, 70:90])
    behind = soft[~cv2.dilate(person.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)]
    assert abs(behind.mean() - 127.5) < 3 and behind.std() < 5


def test_wrong_parts_lose_features_and_hair_to_the_skin_and_nothing_else(store: Store) -> None:
    row = int(np.flatnonzero((store.rows("parts", np.arange(12)) == Part.FACE).any((1, 2)))[0])
    parts, changed = store.row("parts", row), set()
    for seed in range(20):
        found = wrong_parts(parts, np.random.default_rng(seed))
        there = found != parts
        assert (found[there] == Part.SKIN).all()
        changed |= {int(part) for part in np.unique(parts[there])}

    assert changed <= {int(Part.FACE), int(Part.HAIR)} and int(Part.FACE) in changed
