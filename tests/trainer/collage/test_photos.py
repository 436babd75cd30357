"""What a training step sees."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from engine.backbones.collage_model import load_model
from trainer.collage.architecture import stand_ins_from
from trainer.collage.photos import Conditions, TrainingPhotos
from trainer.collage.prepared import HIDDEN_RGB, kept
from trainer.collage.training_set import KINDS, TrainingSet
from trainer.synthetic.parts import Part


def rows_of(photos: TrainingPhotos, conditions: Conditions, count: int = 60) -> list[dict[str, int]]:
    rng = np.random.default_rng(0)
    return [photos._row(conditions, rng) for _ in range(count)]


def test_references_are_other_plain_photos_of_the_same_person(photos: TrainingPhotos) -> None:
    people = photos.people
    for row in rows_of(photos, Conditions(styled=0.5)):
        target, reference = row["target"], row["reference"]
        assert people.identity[reference] == people.identity[target]
        assert reference != target and not people.styled[reference]


def test_what_is_withheld_is_withheld(photos: TrainingPhotos) -> None:
    rng = np.random.default_rng(0)
    bare = photos.batch(8, Conditions(no_text=1.0, no_identity=1.0, pose=0.0, place=0.0), 2.0, rng)
    assert (bare.tokens == photos.nothing).all()
    assert not bare.face_scale.any() and not bare.body_scale.any()
    assert not bare.skeleton.any() and not bare.draft.picture.any() and bare.draft.doubtful.all()
    without_face = photos.batch(8, Conditions(no_identity=0, no_face=1.0), 2.0, rng)
    assert not without_face.face_scale.any() and without_face.body_scale.all()
    words = photos.batch(8, Conditions(no_text=0, no_identity=1.0), 2.0, rng)
    assert (words.tokens != photos.nothing).any(1).all() and not words.body_scale.any()
    assert float(words.weight.min()) >= 1.0


def test_who_is_unknown_or_undressed_is_named(photos: TrainingPhotos) -> None:
    for conditions in (Conditions(no_identity=1.0), Conditions(hidden_clothes=1.0)):
        assert all(KINDS[row["kind"]].endswith("full") for row in rows_of(photos, conditions))
    bare = Conditions(no_identity=0, hidden_clothes=0, scene_only=1.0, hidden_by_framing=0, other_clothes=0)
    outfit = photos.people.outfit
    told = [row for row in rows_of(photos, bare) if outfit[row["reference"]] == outfit[row["target"]]]
    assert told and all(KINDS[row["kind"]].endswith("scene") for row in told)


def test_in_the_same_clothes_the_scene_alone_is_told_in_others_the_clothes_are_named(photos: TrainingPhotos) -> None:
    outfit = np.zeros_like(photos.people.outfit)
    for own in photos.siblings.values():
        outfit[own[::2]] = 1
    photos = copy(photos)
    photos.people = replace(photos.people, outfit=outfit)
    plain = Conditions(no_text=0, no_identity=0, hidden_clothes=0, scene_only=1.0, hidden_by_framing=0)
    same = rows_of(photos, replace(plain, styled=0, other_clothes=0.0))
    others = rows_of(photos, replace(plain, styled=0, other_clothes=1.0))
    worn = [outfit[row["reference"]] == outfit[row["target"]] for row in (*same, *others)]
    assert np.mean(worn[:60]) > 0.45 and np.mean(worn[60:]) < 0.3
    named = [KINDS[row["kind"]].endswith("full") for row in (*same, *others)]
    assert named == [not alike for alike in worn]
    assert not any(row["hidden"] for row, alike in zip((*same, *others), worn, strict=True) if alike)
    assert 0.2 < np.mean([row["hidden"] for row in others]) < 0.8


def test_the_reference_is_laid_along_the_targets_joints(photos: TrainingPhotos) -> None:
    known = Conditions(
        no_identity=0, no_body=0, pose=1.0, reposed=1.0, place=0.0, stood_in=0, styled=0, other_clothes=0
    )
    alike = replace(known, hidden_clothes=0, photo_like=0)
    given = photos.batch(32, alike, 2.0, np.random.default_rng(1))
    target = photos.vae.inverse(given.latents).clamp(-1, 1)
    shown = given.draft.shown.expand_as(target) > 0.5
    assert 0.02 < float(shown.float().mean()) < 0.8
    off = (given.draft.picture - target).abs()
    assert float(off[shown].mean()) < 0.75 * float((given.draft.picture.roll(1, 0) - target).abs()[shown].mean())
    undressed = photos.batch(32, replace(known, hidden_clothes=1.0), 2.0, np.random.default_rng(1))
    assert float(undressed.draft.shown.sum()) < 0.7 * float(given.draft.shown.sum())
    for withheld in (replace(known, pose=0.0), replace(known, reposed=0.0), replace(known, no_identity=1.0)):
        assert not photos.batch(4, withheld, 2.0, np.random.default_rng(1)).draft.shown.any()
    mirrored = photos.batch(32, replace(alike, mirrored=1.0), 2.0, np.random.default_rng(1))
    assert float(mirrored.draft.shown.sum()) > 0.7 * float(given.draft.shown.sum())


def test_the_draft_stands_before_the_targets_own_place(photos: TrainingPhotos) -> None:
    known = Conditions(no_identity=0, pose=1.0, reposed=1.0, place=1.0, styled=0, mirrored=0, stood_in=0)
    given = photos.batch(16, known, 2.0, np.random.default_rng(2))
    sure = (given.draft.doubtful == 0).expand(-1, 3, -1, -1)
    target = photos.vae.decode(given.latents).sample
    assert float((given.draft.picture - target).abs()[sure].mean()) < 0.15
    assert float((given.draft.picture.roll(1, 0) - target).abs()[sure].mean()) > 0.25
    restyled = photos.batch(8, Conditions(styled=1.0), 2.0, np.random.default_rng(2))
    assert restyled.styled.all() and restyled.draft.doubtful.all()


def test_what_a_portrait_hides_is_said(photos: TrainingPhotos) -> None:
    always = Conditions(no_text=0, no_identity=0, hidden_clothes=0, scene_only=1.0, hidden_by_framing=1.0)
    rows = [
        row
        for row in rows_of(photos, always)
        if photos.people.outfit[row["reference"]] == photos.people.outfit[row["target"]]
    ]
    closer = [photos.framing[row["reference"]] > photos.framing[row["target"]] for row in rows]
    said = [KINDS[row["kind"]].endswith("full") for row in rows]
    assert closer == said and any(said) and not all(said)


def test_skeletons_show_the_joints_also_in_the_mirror(photos: TrainingPhotos, people: TrainingSet) -> None:
    given = photos.batch(8, Conditions(pose=1.0), 2.0, np.random.default_rng(0))
    assert given.skeleton.flatten(1).any(1).all()
    height, width = people.images.shape[1:3]
    drawn = photos.palette[photos.skeletons.long()].numpy()
    for photo, pose in enumerate(people.poses):
        points = pose[:, :2] * (width, height)
        inside = (points >= 2).all(1) & (points < (width - 2, height - 2)).all(1)
        columns, rows = points[inside].astype(int).T
        assert drawn[photo, 0][rows, columns].any(-1).all(), "a joint in the picture that is not drawn"
        assert drawn[photo, 2][rows, width - 1 - columns].any(-1).all(), "nor in the mirror"
        assert drawn[photo, 1].any(-1).sum() <= drawn[photo, 0].any(-1).sum(), "more is seen than there is"
    assert (drawn[:, 2] != drawn[:, 0][:, :, ::-1]).any(), "the person's left did not become their right"


def test_a_mirrored_target_is_mirrored_with_all_that_is_said_of_it(photos: TrainingPhotos) -> None:
    plain, mirrored = (
        photos.batch(4, Conditions(pose=1.0, mirrored=share, photo_like=0), 2.0, np.random.default_rng(3))
        for share in (0.0, 1.0)
    )
    assert torch.equal(plain.tokens, mirrored.tokens)
    assert torch.allclose(plain.parts, mirrored.parts.flip(-1))
    assert torch.allclose(plain.weight, mirrored.weight.flip(-1))
    assert torch.allclose(plain.colours.nan_to_num(), mirrored.colours.nan_to_num(), atol=1e-5)
    assert not torch.allclose(plain.latents, mirrored.latents)


def test_clothes_that_are_to_change_are_greyed_out(photos: TrainingPhotos) -> None:
    photo = int(np.isin(photos.people.parts, (Part.TOP, Part.BOTTOM)).mean((1, 2)).argmax())
    grey = [
        (photos.crops[kind][photo, 0].permute(1, 2, 0).numpy() == HIDDEN_RGB).all(2).mean()
        for kind in ("hidden", "body")
    ]
    assert grey[0] > 0.08 > grey[1]


def test_words_are_of_the_photo_and_of_its_style(photos: TrainingPhotos, people: TrainingSet) -> None:
    assert photos.tokens.shape[:2] == (len(people.images), len(KINDS))
    for row in np.nonzero(people.styled)[0]:
        of = [other for other in range(len(people.images)) if not people.styled[other]]
        own = [other for other in of if people.words[other]["en_scene"][0] in people.words[row]["en_scene"][0]]
        assert own and any((people.parts[other] == people.parts[row]).all() for other in own)


def test_what_is_kept_of_other_photos_or_words_is_not_taken(people: TrainingSet, tmp_path: Path) -> None:
    made: list[int] = []

    def make() -> dict[str, NDArray[Any]]:
        made.append(len(made))
        return {"numbers": np.full(3, len(made))}

    said = [{kind: ["something else"] for kind in KINDS}, *people.words[1:]]
    others = (replace(people, images=people.images // 2), replace(people, words=said))
    first = kept(tmp_path / "kept.npz", people, "key", make)
    assert (kept(tmp_path / "kept.npz", people, "key", make)["numbers"] == first["numbers"]).all() and len(made) == 1
    for number, other in enumerate(others, start=2):
        assert (kept(tmp_path / "kept.npz", other, "key", make)["numbers"] == number).all()
    assert (kept(tmp_path / "kept.npz", others[-1], "another", make)["numbers"] == len(others) + 2).all()
    assert [path.name for path in tmp_path.iterdir()] == ["kept.npz"]


def test_what_was_kept_gives_the_same_batches(
    photos: TrainingPhotos, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.collage.photos.made", lambda *_: pytest.fail("made anew"))
    model = load_model(trained / "nano")
    again = TrainingPhotos(photos.people, model, trained / "cache")
    batches = [one.batch(4, Conditions(), 2.0, np.random.default_rng(0)) for one in (photos, again)]
    for name in ("tokens", "skeleton", "parts", "face", "body"):
        assert torch.equal(*(getattr(batch, name) for batch in batches)), name


def test_a_stand_in_shows_what_the_reference_does_not(photos: TrainingPhotos, trained: Path) -> None:
    people = photos.people
    whole = np.nonzero(~people.styled & (people.inside.sum(1) > 12))[0]
    model = replace(load_model(trained / "nano"), stand_ins=stand_ins_from(people, [int(row) for row in whole]))
    photos = TrainingPhotos(people, model, trained / "cache")
    alone = Conditions(no_identity=1.0, pose=1.0, pose_seen_only=0.0, place=0.0, styled=0, stood_in=1.0)
    without, given = (
        photos.batch(8, replace(alone, stood_in=share), 2.0, np.random.default_rng(0)).draft for share in (0.0, 1.0)
    )
    assert not without.shown.any()
    assert float((given.shown.flatten(1).mean(1) > 0.02).float().mean()) > 0.7
    for row in rows_of(photos, alone):
        alike = photos.stand_in_woman == people.woman[row["target"]]
        assert alike[row["stand_in"]] or not alike.any()
