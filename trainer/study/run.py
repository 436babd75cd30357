"""The study in order: people, base, encoders, critic, evaluators, methods, evaluation, report.

`python -m trainer study --config trainer/configs/study.yaml --out runs/study` runs the missing stages and may be
interrupted at any time; `--only` names stages, so that two processes can divide the methods.
"""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
import torch.nn.functional as F
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from engine.adapter.model import AdapterConfig
from engine.pixels import to_tensor
from trainer.errors import DataError
from trainer.files import load_state
from trainer.loop import TrainConfig, fit, training_device
from trainer.shards import PeopleShards, read_shards
from trainer.study.curated import curated_people, joined
from trainer.study.evaluate import EvaluationPlan, evaluate
from trainer.study.methods.base import StudyBase, fitted_autoencoder, load_base, new_base, save_base
from trainer.study.methods.base_training import BaseLearner, StudyValidation
from trainer.study.methods.critic import Critic, CriticLearner
from trainer.study.methods.encoding import EncoderLearner, EncoderPhotos
from trainer.study.methods.identity_features import Encoders
from trainer.study.methods.photos import ConditionDropout, StudyPhotos, crops_of_all
from trainer.study.methods.registry import ABLATIONS, METHODS, build, load_encoders, save_encoders, save_method
from trainer.study.methods.sampler import StudySampler
from trainer.version import commit

PERSON_WEIGHT: Final = 2.0
FITTED_ON: Final = 1500
"""The number of photos that the autoencoder is fitted to."""
STAGES: Final = ("people", "base", "encoders", "critic", "evaluators", "methods", "evaluate", "report")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PeopleSection(_Section):
    """Numbers of identities per split and of photos per identity, and the size of photos in px."""

    train: int
    validation: int
    test: int
    photos: int
    test_photos: int
    width: int = 128
    height: int = 192
    workers: int = 2


class TrainSection(_Section):
    """Steps of `batch` rows each; the learning rate at its highest."""

    steps: int
    batch: int
    learning_rate: float
    validate_every: int = 0


class StudyConfig(_Section):
    """One study. curated: a folder of real photos (`python -m trainer.curate`) that base and methods learn from beside
    the rendered ones."""

    seed: int = 0
    width: int
    height: int
    curated: Path | None = None
    people: PeopleSection
    base: TrainSection
    encoders: TrainSection
    critic: TrainSection
    evaluators: TrainSection
    methods: TrainSection
    names: tuple[str, ...] = tuple(METHODS)
    ablations: tuple[str, ...] = tuple(ABLATIONS)
    evaluation: EvaluationPlan = EvaluationPlan()


def read_config(path: Path) -> StudyConfig:
    """The study's settings. Raises DataError, in one line, for an absent file or an unknown setting."""
    try:
        return StudyConfig.model_validate(yaml.safe_load(path.read_text("utf-8-sig")))
    except FileNotFoundError:
        raise DataError(f"expected a study's YAML at {path}, found none: give --config") from None
    except (ValidationError, yaml.YAMLError, UnicodeDecodeError) as error:
        reason = "; ".join(str(error).splitlines()[:4])
        raise DataError(f"expected a study in {path}, got {reason}: see trainer/configs/study.yaml") from None


def stages_of(names: Sequence[str] | None) -> tuple[str, ...]:
    """Stages by name, all by default. Raises DataError for an unknown one."""
    unknown = set(names or ()) - set(STAGES)
    if unknown:
        raise DataError(f"expected stages out of {', '.join(STAGES)}, got {', '.join(sorted(unknown))}")
    return STAGES if names is None else tuple(names)


@dataclass(frozen=True)
class Study:
    """A study and its folder."""

    config: StudyConfig
    out: Path

    def run(self, stages: tuple[str, ...] = STAGES, names: tuple[str, ...] | None = None) -> None:
        """Runs the missing parts of the named stages; `names` limits the methods that are trained and drawn."""
        self.out.mkdir(parents=True, exist_ok=True)
        work: dict[str, Callable[[tuple[str, ...]], None]] = {
            "people": self._people,
            "base": self._base,
            "encoders": self._encoders,
            "critic": self._critic,
            "evaluators": self._evaluators,
            "methods": self._methods,
            "evaluate": self._evaluate,
            "report": self._report,
        }
        for stage in (stage for stage in STAGES if stage in stages):
            started = time.monotonic()
            work[stage](names or (*self.config.names, *self.config.ablations))
            self._note(stage, names, time.monotonic() - started)

    def _note(self, stage: str, names: tuple[str, ...] | None, seconds: float) -> None:
        """Appends a line with the stage and its time, for the report."""
        row = {"stage": stage, "names": names, "minutes": round(seconds / 60, 2), "commit": commit()}
        row["machine"] = f"{platform.machine()}, {torch.get_num_threads()} threads"
        with (self.out / "stages.jsonl").open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(row) + "\n")

    def folder(self, split: str) -> Path:
        return self.out / "people" / split

    def _people(self, names: tuple[str, ...]) -> None:
        from trainer.synthetic.identity import SPLITS
        from trainer.synthetic.shards import ShardPlan, write_shards

        section = self.config.people
        for split, first in ((name, seeds.start) for name, seeds in SPLITS.items()):
            photos = section.test_photos if split == "test" else section.photos
            plan = ShardPlan(first, getattr(section, split), photos, section.height, section.width)
            write_shards(self.folder(split), plan, section.workers)

    def _base(self, names: tuple[str, ...]) -> None:
        if (self.out / "base" / "metadata.json").exists():
            return
        torch.manual_seed(self.config.seed)
        people = self._learned_from()
        width, height = self.config.width, self.config.height
        pictures = F.interpolate(to_tensor(people.images[:FITTED_ON]), size=(height, width), mode="area")
        base = new_base(fitted_autoencoder(pictures), width, height).to(training_device())
        photos = StudyPhotos(people, base)
        # half the captions say who it is: without photos, words alone must do
        dropout = ConditionDropout(scene_only=0.3)
        run = self._fit("base", self.config.base, photos.people)
        seconds = fit(run, BaseLearner(base), lambda rows, rng: photos.batch(rows, dropout, 1, PERSON_WEIGHT, rng))
        save_base(base, self.out / "base", self._metadata(run, seconds, photos.people))

    def _encoders(self, names: tuple[str, ...]) -> None:
        if (self.out / "encoders" / "metadata.json").exists():
            return
        torch.manual_seed(self.config.seed)
        people = read_shards(self.folder("train"))
        encoders = Encoders(AdapterConfig())
        pairs = EncoderPhotos(people, crops_of_all(people, encoders.config))
        run = self._fit("encoders", self.config.encoders, people)
        seconds = fit(run, EncoderLearner(encoders), pairs.batch)
        save_encoders(encoders, self.out / "encoders", self._metadata(run, seconds, people))

    def _critic(self, names: tuple[str, ...]) -> None:
        if (self.out / "critic" / "metadata.json").exists():
            return
        base, photos = self._photos()
        torch.manual_seed(self.config.seed)
        critic = Critic(base)
        run = self._fit("critic", self.config.critic, photos.people)
        dropout = ConditionDropout(text=0, person=0, both=0, other_clothes=0, scene_only=0.5)
        draw = self._draw(photos, dropout, 1)
        seconds = fit(run, CriticLearner(critic), draw)
        torch.save(critic.state_dict(), self.out / "critic" / "model.pt")
        self._write(self.out / "critic" / "metadata.json", self._metadata(run, seconds, photos.people))

    def _evaluators(self, names: tuple[str, ...]) -> None:
        from trainer.evaluation.train_evaluators import EvaluatorRun, train

        section, out = self.config.evaluators, self.out / "evaluators"
        if (out / "metadata.json").exists():
            return
        run = EvaluatorRun(
            data=self.folder("validation"),
            out=out,
            steps=section.steps,
            batch=section.batch,
            learning_rate=section.learning_rate,
            width=self.config.width,
            height=self.config.height,
            seed=self.config.seed,
        )
        print(train(run))

    def _methods(self, names: tuple[str, ...]) -> None:
        missing = [name for name in names if not (self.out / "methods" / name / "metadata.json").exists()]
        if not missing:
            return
        base, photos = self._photos()
        critic = Critic(base).to(training_device())
        critic.load_state_dict(load_state(self.out / "critic" / "model.pt"))
        critic.eval().requires_grad_(False)
        encoders = load_encoders(self.out / "encoders").to(training_device())
        plain = dict(base.unet.attn_processors)
        for name in missing:
            base.unet.set_attn_processor(dict(plain))
            torch.manual_seed(self.config.seed)
            section = self.config.methods
            method = build(name, base, critic, section.steps).to(training_device())
            run, seconds = self._fit(f"methods/{name}", section, photos.people), 0.0
            if method.branches:
                sampler = StudySampler(name, base, encoders, method)
                validate = StudyValidation(sampler, photos.people, 8)
                seconds = fit(run, method, self._draw(photos, ConditionDropout(), method.views_trained), validate)
            save_method(method, run.out, self._metadata(run, seconds, photos.people))

    def _evaluate(self, names: tuple[str, ...]) -> None:
        evaluate(self.out, self.config.evaluation, self.folder("test"), names)

    def _report(self, names: tuple[str, ...]) -> None:
        from trainer.study.report import write_report

        config = self.config.model_dump(mode="json")
        write_report(self.out, self.config.evaluation, self.folder("test"), config, self.out / "docs")

    def _learned_from(self) -> PeopleShards:
        people, section = read_shards(self.folder("train")), self.config.people
        if self.config.curated is None:
            return people
        return joined(people, curated_people(self.config.curated, section.width, section.height))

    def _fit(self, name: str, section: TrainSection, people: PeopleShards) -> TrainConfig:
        return TrainConfig(
            out=self.out / name,
            steps=section.steps,
            batch=section.batch,
            learning_rate=section.learning_rate,
            validate_every=section.validate_every,
            seed=self.config.seed,
            compare=str(people.manifest["hash"]),
        )

    def _photos(self) -> tuple[StudyBase, StudyPhotos]:
        """The base, and the train photos as the encoders read them."""
        device, people = training_device(), self._learned_from()
        base, encoders = load_base(self.out / "base").to(device), load_encoders(self.out / "encoders").to(device)
        photos = StudyPhotos(people, base)
        cache = self.out / "cache" / f"features-{_digest(self.out / 'encoders' / 'model.safetensors')}.pt"
        photos.read(encoders, lambda: crops_of_all(people, encoders.config), cache)
        return base, photos

    def _draw(
        self, photos: StudyPhotos, dropout: ConditionDropout, views: int
    ) -> Callable[[int, np.random.Generator], Any]:
        return lambda rows, rng: photos.batch(rows, dropout, views, PERSON_WEIGHT, rng)

    def _metadata(self, run: TrainConfig, seconds: float, people: PeopleShards) -> dict[str, Any]:
        return {
            "run": run.stamp(),
            "pictures_seen": run.steps * run.batch,
            "minutes": round(seconds / 60, 1),
            "commit": commit(),
            "data": {"hash": people.manifest["hash"], "photos": len(people.images)},
        }

    @staticmethod
    def _write(path: Path, value: dict[str, Any]) -> None:
        path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
