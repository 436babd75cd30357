"""The whole pipeline on three people: shards, autoencoder, denoiser; each stage resumes and is real."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.backbones.autoencoder import NanoAutoencoder
from engine.backbones.nano import NanoBackbone, load_model
from trainer import autoencoder, train
from trainer.__main__ import main
from trainer.data import GARMENTS, HIDDEN_RGB, PAINTED, Conditions, TrainingPhotos, part_colours
from trainer.errors import DataError
from trainer.people.parts import Part
from trainer.shards import read_shards

LONG = 60.0


@pytest.fixture(scope="module")
def vae_run(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("vae")
    autoencoder.train(autoencoder.AutoencoderRun(shards, out, minutes=LONG, steps=30, batch=4))
    return out


@pytest.fixture(scope="module")
def trained(shards: Path, vae_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run")
    train.train(train.TrainingRun(shards, vae_run / "vae", out, minutes=LONG, steps=2, batch=4))
    return out


def test_the_autoencoder_learns_and_says_how_well(shards: Path, vae_run: Path) -> None:
    facts = json.loads((vae_run / "autoencoder.json").read_text("utf-8"))
    images = read_shards(shards).images
    untrained = ((images.astype(float) - images.mean()) ** 2).mean()
    assert facts["psnr_db"] > 10 * np.log10(255**2 / untrained), "worse than one grey for all"
    assert facts["latent_std"] == pytest.approx(1, abs=0.1)


def test_the_encoder_is_the_principal_components_and_training_leaves_it_alone(shards: Path, vae_run: Path) -> None:
    vae = NanoAutoencoder.from_pretrained(vae_run / "vae")
    images = torch.from_numpy(read_shards(shards).images).permute(0, 3, 1, 2).float() / 127.5 - 1
    fitted = NanoAutoencoder()
    fitted.fit(images)
    assert torch.allclose(vae.encoder.weight.abs(), fitted.encoder.weight.abs(), atol=1e-4)
    latents = vae.encode(images).latents
    channels = latents.transpose(0, 1).flatten(1)
    assert channels.mean(1).abs().max() < 0.01, "not centred"
    covariance = channels.cov()
    assert (covariance - covariance.diag().diag()).abs().max() < 0.01, "correlated"
    assert (covariance.diag().diff() < 1e-4).all(), "not from coarse to fine"


def test_the_encoders_learn_alone_first_and_the_unet_waits(shards: Path, vae_run: Path, tmp_path: Path) -> None:
    run = train.TrainingRun(shards, vae_run / "vae", tmp_path, minutes=LONG, steps=1, batch=4, condition_minutes=LONG)
    train.train(run)
    before = torch.load(tmp_path / "state.pt", weights_only=True)
    train.train(replace(run, steps=2))
    after = torch.load(tmp_path / "state.pt", weights_only=True)
    changed = {name for name, value in after["denoiser"].items() if not torch.equal(value, before["denoiser"][name])}
    assert {name.partition(".")[0] for name in changed} == {"text_encoder", "adapter", "layout", "colours"}
    assert all(value.isfinite().all() for value in after["denoiser"].values() if value.is_floating_point())


def test_a_parts_colour_is_its_mean_and_unknown_where_it_does_not_show() -> None:
    images, parts = torch.zeros(1, 3, 16, 16), torch.zeros(1, 16, 16, dtype=torch.uint8)
    parts[:, :8], images[:, 0, :8] = Part.TOP, 0.5
    parts[:, 15, 15] = Part.HAIR
    colours = part_colours(images, parts)[0]
    assert colours[PAINTED.index(Part.TOP)].tolist() == [0.5, 0.0, 0.0]
    assert colours[PAINTED.index(Part.HAIR)].isnan().all(), "one pixel says nothing"


def test_training_writes_a_checkpoint_that_carries_its_origin_and_draws(trained: Path) -> None:
    model = load_model(trained / "nano")
    assert model.metadata["step"] == 2
    assert len(model.metadata["data"]["hash"]) == 64
    assert model.metadata["recipe"]["batch"] == 4
    assert NanoBackbone(model).capabilities.width == 128


def test_a_run_that_was_cut_off_goes_on_where_it_stood(shards: Path, vae_run: Path, trained: Path) -> None:
    before = torch.load(trained / "state.pt", weights_only=True)
    train.train(train.TrainingRun(shards, vae_run / "vae", trained, minutes=LONG, steps=4, batch=4))
    after = torch.load(trained / "state.pt", weights_only=True)
    assert (before["step"], after["step"]) == (2, 4)
    assert after["spent_s"] > before["spent_s"] > 0
    steps = [json.loads(line)["step"] for line in (trained / "log.jsonl").read_text("utf-8").splitlines()]
    assert steps == [2, 4]


def test_a_run_may_begin_with_the_weights_of_another(shards: Path, trained: Path, tmp_path: Path) -> None:
    run = train.TrainingRun(shards, None, tmp_path, minutes=LONG, steps=1, batch=4, learning_rate=1e-9)
    train.train(replace(run, start_from=trained / "nano"))
    before, after = load_model(trained / "nano"), load_model(tmp_path / "nano")
    for old, new in zip(before.modules(), after.modules(), strict=True):
        for name, value in old.state_dict().items():
            assert torch.allclose(value, new.state_dict()[name], atol=1e-3), name


def test_a_run_needs_latents_of_one_origin(
    shards: Path, vae_run: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ["train", "--data", str(shards), "--out", str(tmp_path), "--minutes", "1"]
    both = ["--autoencoder", str(vae_run / "vae"), "--start-from", str(trained / "nano")]
    for wrong in ([], both):
        assert main([*run, *wrong]) == 2
        assert "--start-from" in capsys.readouterr().err


def test_references_are_other_photos_of_the_same_person(shards: Path, vae_run: Path, trained: Path) -> None:
    people = read_shards(shards)
    vae = NanoAutoencoder.from_pretrained(vae_run / "vae")
    photos = TrainingPhotos(people, vae, trained / "cache", load_model(trained / "nano").adapter.config)
    rng = np.random.default_rng(0)
    for photo in range(len(people.images)):
        reference = photos._reference(photo, rng)
        assert reference != photo
        assert people.identity[reference] == people.identity[photo]


def test_what_is_withheld_is_withheld(shards: Path, vae_run: Path, trained: Path) -> None:
    vae = NanoAutoencoder.from_pretrained(vae_run / "vae")
    photos = TrainingPhotos(read_shards(shards), vae, trained / "cache", load_model(trained / "nano").adapter.config)
    rng = np.random.default_rng(0)
    bare = photos.batch(8, Conditions(nothing=1.0), 2.0, rng)
    assert bare.captions == [""] * 8
    assert not bare.face_scale.any() and not bare.body_scale.any()
    without_face = photos.batch(8, Conditions(nothing=0, no_identity=0, no_face=1.0), 2.0, rng)
    assert not without_face.face_scale.any() and without_face.body_scale.all()
    words = photos.batch(8, Conditions(nothing=0, no_text=0, no_identity=1.0), 2.0, rng)
    assert all(words.captions)
    assert float(words.weight.min()) >= 1.0 and float(words.weight.max()) <= 3.0


def test_a_pose_is_given_or_withheld_and_shows_the_targets_joints(shards: Path, vae_run: Path, trained: Path) -> None:
    people = read_shards(shards)
    vae = NanoAutoencoder.from_pretrained(vae_run / "vae")
    photos = TrainingPhotos(people, vae, trained / "cache", load_model(trained / "nano").adapter.config)
    rng = np.random.default_rng(0)
    given = photos.batch(8, Conditions(nothing=0, pose=1.0), 2.0, rng)
    assert given.pose_scale.all() and given.skeleton.flatten(1).any(1).all()
    withheld = photos.batch(8, Conditions(pose=0.0), 2.0, rng)
    assert not withheld.pose_scale.any() and not withheld.skeleton.any()
    for photo, keypoints in enumerate(people.keypoints):
        inside = (keypoints[:, :2] >= 1).all(1) & (keypoints[:, :2] < (127, 191)).all(1)
        skeleton = np.asarray(photos._skeleton(photo, True, False))
        columns, rows = keypoints[inside, :2].astype(int).T
        assert skeleton[rows, columns].any(1).all(), "a joint in the picture that is not drawn"


def test_clothes_that_are_to_change_are_greyed_out_and_named(shards: Path, vae_run: Path, trained: Path) -> None:
    people = read_shards(shards)
    vae = NanoAutoencoder.from_pretrained(vae_run / "vae")
    photos = TrainingPhotos(people, vae, trained / "cache", load_model(trained / "nano").adapter.config)
    rng = np.random.default_rng(0)
    whole = [caption[f"{language}_full"] for caption in people.captions for language in ("en", "ru")]
    hidden = Conditions(styled=0, nothing=0, no_text=0, scene_only=1.0, hidden_clothes=1.0)
    assert set(photos.batch(8, hidden, 2.0, rng).captions) <= set(whole)
    assert not set(photos.batch(8, replace(hidden, no_identity=0, hidden_clothes=0), 2.0, rng).captions) & set(whole)
    photo = int(np.isin(people.parts, GARMENTS).mean((1, 2)).argmax())
    grey = [(np.asarray(photos._body(photo, hide, rng)) == HIDDEN_RGB).all(2).mean() for hide in (True, False)]
    assert grey[0] > 0.1 > grey[1]


def test_a_folder_without_shards_is_named_with_the_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DataError, match=r"trainer\.people"):
        read_shards(tmp_path)
    assert main(["autoencoder", "--data", str(tmp_path), "--out", str(tmp_path / "o"), "--minutes", "1"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
