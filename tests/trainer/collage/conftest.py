"""Three people as a training set, an autoencoder and a denoiser that learned from them for a moment."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.backbones.collage_model import load_model
from trainer.collage import autoencoder, train
from trainer.collage.photos import TrainingPhotos
from trainer.collage.training_set import TrainingSet, read_training_set

LONG = 60.0


@pytest.fixture(scope="session")
def people(shards: Path) -> TrainingSet:
    return read_training_set(shards)


@pytest.fixture(scope="session")
def vae_run(people: TrainingSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("vae")
    autoencoder.fit(autoencoder.AutoencoderRun(out, channels=24), people)
    return out


@pytest.fixture(scope="session")
def trained(people: TrainingSet, vae_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run")
    train.train(train.TrainingRun(vae_run / "vae", out, minutes=LONG, steps=2, batch=4), people)
    return out


@pytest.fixture(scope="session")
def photos(people: TrainingSet, trained: Path) -> TrainingPhotos:
    model = load_model(trained / "nano")
    return TrainingPhotos(people, model, trained / "cache")
