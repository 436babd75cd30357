"""nano from people to weights in one command: `python -m trainer collage --preset cpu`.

Stages: people (rendered where neither shards nor bundles are given), autoencoder, denoiser, finish. What is finished is
not done again, and what was cut off goes on where it stood.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from trainer.collage.bundle import read_bundle
from trainer.collage.training_set import TrainingSet, read_training_set
from trainer.errors import DataError

PRESETS: Final = Path(__file__).parents[1] / "configs" / "nano"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PeopleSection(_Section):
    identities: int
    photos: int
    workers: int = 2


class AutoencoderSection(_Section):
    channels: int = 192


class DenoiserSection(_Section):
    minutes: float
    steps: int | None = None
    batch: int = 24
    learning_rate: float = 1e-3
    condition_minutes: float = 0.0
    bfloat16: bool = False
    compile: bool = False


class FinishSection(_Section):
    minutes: float
    steps: int | None = None
    batch: int = 16
    learning_rate: float = 2e-4
    critic_alone: int = 100
    compared: int = 32


class NanoConfig(_Section):
    """Size in px, both multiples of 16, and the budgets of the stages in wall-clock minutes."""

    width: int
    height: int
    people: PeopleSection
    autoencoder: AutoencoderSection
    denoiser: DenoiserSection
    finish: FinishSection
    seed: int = 0


def read_preset(name: str) -> NanoConfig:
    """A preset by name, or a YAML by path. Raises DataError, in one line, for what is neither."""
    path = Path(name) if name.endswith((".yaml", ".yml")) else PRESETS / f"{name}.yaml"
    known = ", ".join(sorted(preset.stem for preset in PRESETS.glob("*.yaml")))
    try:
        return NanoConfig.model_validate(yaml.safe_load(path.read_text("utf-8-sig")))
    except FileNotFoundError:
        raise DataError(f"expected a preset ({known}) or a YAML, got {name}: give --preset one of them") from None
    except (ValidationError, yaml.YAMLError, UnicodeDecodeError) as error:
        said = "; ".join(str(error).splitlines()[:4])
        raise DataError(f"expected a nano preset in {path}, got {said}: see {PRESETS / 'cpu.yaml'}") from None


@dataclass(frozen=True)
class NanoRun:
    """data: a folder of shards; bundles: files of `python -m trainer pack` instead; neither: people are rendered.

    minutes: of this call, after which it saves all and stops wherever it stands (None: no limit)."""

    config: NanoConfig
    out: Path
    data: Path | None = None
    bundles: tuple[Path, ...] = ()
    minutes: float | None = None


def run(asked: NanoRun) -> bool:
    """Does what is missing; True when all of it is done. The finished nano is then in `out/finish/nano`.

    Raises DataError where photos are not of the preset's size."""
    until = None if asked.minutes is None else time.monotonic() + 60 * asked.minutes
    people = _people(asked)
    _check_size(people, asked.config)
    return all(stage(asked, people, until) for stage in (_autoencoder, _denoiser, _finish))


def _people(asked: NanoRun) -> TrainingSet:
    if asked.bundles:
        return read_bundle(asked.bundles)
    return read_training_set(asked.data or _rendered(asked))


def _rendered(asked: NanoRun) -> Path:
    from trainer.synthetic.shards import ShardPlan, write_shards

    folder, section = asked.out / "people", asked.config.people
    plan = ShardPlan(0, section.identities, section.photos, asked.config.height, asked.config.width)
    write_shards(folder, plan, section.workers)
    return folder


def _check_size(people: TrainingSet, config: NanoConfig) -> None:
    height, width = people.images.shape[1:3]
    if (width, height) != (config.width, config.height):
        raise DataError(
            f"expected photos of {config.width} x {config.height} px, got {width} x {height}: "
            "give the preset of their size or render them anew"
        )


def _autoencoder(asked: NanoRun, people: TrainingSet, until: float | None) -> bool:
    from trainer.collage.autoencoder import AutoencoderRun, fit

    out = asked.out / "autoencoder"
    if not (out / "autoencoder.json").exists():
        fit(AutoencoderRun(out, asked.config.autoencoder.channels), people)
    return True


def _denoiser(asked: NanoRun, people: TrainingSet, until: float | None) -> bool:
    from trainer.collage.state import DONE
    from trainer.collage.train import TrainingRun, train

    out = asked.out / "denoiser"
    if (out / DONE).exists():
        return True
    section, vae = asked.config.denoiser.model_dump(), asked.out / "autoencoder" / "vae"
    return train(TrainingRun(autoencoder=vae, out=out, seed=asked.config.seed, until=until, **section), people)


def _finish(asked: NanoRun, people: TrainingSet, until: float | None) -> bool:
    from trainer.collage.finish import FinishRun, finish

    out = asked.out / "finish"
    if (out / "finish.json").exists():
        return True
    section, begun = asked.config.finish.model_dump(), asked.out / "denoiser" / "nano"
    run = FinishRun(start_from=begun, out=out, seed=asked.config.seed, until=until, **section)
    return finish(run, people) is not None
