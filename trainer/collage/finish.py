"""The last stage: nano learns to draw in the few steps that it is shipped with.

A picture that is off by the least on average is soft wherever it is not sure. So the UNet walks its own way from the
draft, as it will when it draws, and where it arrives is judged twice: by how far it is from the photo, and by a critic
of patches which is learning to tell drawn from photographed (PatchGAN: Isola et al., 2017; few-step diffusion with a
critic: Sauer et al., 2023). What reads words, photos and poses stays as it is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from engine.adapter.attention import BranchCondition
from engine.adapter.bridge import step
from engine.backbones.collage_model import NanoModel, Told, load_model, pool_words, predict_clean
from trainer.collage.photos import Batch, Conditions, TrainingPhotos
from trainer.collage.state import Ahead, Course, accelerator_of, new_trainer
from trainer.collage.train import decoded, picture_error
from trainer.collage.training_set import TrainingSet

COMPARED_SEED: Final = 20_001
PERSON_WEIGHT: Final = 2.0
CRITIC_CHANNELS: Final = (48, 96, 160)
CRITIC_SHARE: Final = 0.5
"""How much the critic pulls at what is drawn, as a share of the pull towards the photo."""
CRITIC_LEARNING_RATE: Final = 2e-4


@dataclass(frozen=True)
class FinishRun:
    """How to finish the nano folder `start_from` for `draw_steps` steps. critic_alone: steps before the UNet listens to
    it. compared: pictures by which the figures are taken. The rest is as in TrainingRun."""

    start_from: Path
    out: Path
    minutes: float
    steps: int | None = None
    draw_steps: int = 4
    batch: int = 16
    learning_rate: float = 2e-4
    warmup_steps: int = 20
    ema_decay: float = 0.99
    critic_alone: int = 100
    compared: int = 32
    until: float | None = None
    seed: int = 0


class Student(nn.Module):
    """What learns: the UNet and the adapter's keys and values."""

    def __init__(self, model: NanoModel) -> None:
        super().__init__()
        self.unet: nn.Module = model.unet.train().requires_grad_(True)
        self.projections = model.adapter.projections.train().requires_grad_(True)


class Critic(nn.Module):
    """Patches of a picture [B, 3, H, W] in [-1, 1] -> how much each looks like a photo [B, 1, H/8, W/8]."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.PixelUnshuffle(2)]
        before = 12
        for number, width in enumerate(CRITIC_CHANNELS):
            convolution = nn.Conv2d(before, width, 3, stride=2 if number else 1, padding=1)
            layers += [spectral_norm(convolution), nn.LeakyReLU(0.2)]
            before = width
        self.layers = nn.Sequential(*layers, nn.Conv2d(before, 1, 3, padding=1))

    def forward(self, picture: Tensor) -> Tensor:
        judged: Tensor = self.layers(picture)
        return judged


def finish(run: FinishRun, people: TrainingSet) -> dict[str, Any] | None:
    """Learns until the budget is spent, or until it is time to stop (None); resumes; exports `out/nano`.

    Returns, and writes to `out/finish.json`, the errors of pictures drawn in one step, in `draw_steps` and in 30,
    before and after (`picture_error`, always on the same rows). Raises WeightsError for a `start_from` that is no nano
    folder.
    """
    torch.manual_seed(run.seed)
    run.out.mkdir(parents=True, exist_ok=True)
    accelerator = accelerator_of(False)
    device = accelerator.device
    model = load_model(run.start_from)
    for module in model.modules():
        module.to(device)
    model.unet.to(memory_format=torch.channels_last)
    model.metadata["sampling"] = {"steps": run.draw_steps, "eta": 0.0, "way": 1.0}
    origin = {key: model.metadata.get(key) for key in ("step", "minutes", "commit", "recipe")}
    photos = TrainingPhotos(people, model, run.start_from.parent / "cache")
    critic = Critic().to(device)
    learning = torch.optim.AdamW(critic.parameters(), lr=CRITIC_LEARNING_RATE, betas=(0.5, 0.9))
    trainer = new_trainer(run, model, Student(model))
    trainer.companions = {"critic": critic, "critic_optimizer": learning}
    trainer.resume()
    compared = photos.batch(run.compared, Conditions(), PERSON_WEIGHT, np.random.default_rng(COMPARED_SEED))
    before = _before(run, lambda: _errors(model, compared, run.draw_steps))
    rng = np.random.default_rng([run.seed, trainer.step])
    stops = np.random.default_rng([run.seed, trainer.step, 1])  # rng is at work ahead
    torch.manual_seed(run.seed * 1_000_003 + trainer.step)
    make = partial(photos.batch, run.batch, Conditions(), PERSON_WEIGHT, rng)
    with Course(trainer, people.manifest) as course, Ahead(make) as batches:
        while True:
            batch = batches.next()
            arrived = walk(model, tell(model, batch), run.draw_steps, int(stops.integers(1, run.draw_steps + 1)))
            drawn, photo = decoded(model.vae, arrived), decoded(model.vae, batch.latents)
            off = picture_error(drawn, photo, batch.weight)
            told_apart = _critic_learns(critic, learning, drawn.detach(), photo)
            loss = off
            if trainer.step >= run.critic_alone:
                doubted = -critic(drawn).mean()
                loss = off + CRITIC_SHARE * _ratio(off, doubted, drawn) * doubted
            trainer.learn(loss, accelerator.backward)
            if course.step_done({"loss": off, "critic": told_apart}):
                break
    if not course.finished:
        return None
    raw = trainer.averaged()
    figures = {"before": before, "after": _errors(model, compared, run.draw_steps), "step": trainer.step}
    trainer.denoiser.load_state_dict(raw)
    model.metadata.update(finished=figures, begun=origin)
    trainer.export(people.manifest)
    (run.out / "finish.json").write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    return figures


@torch.no_grad()
def tell(model: NanoModel, batch: Batch) -> Told:
    """What the batch says, encoded; K and V of the person are left to whoever draws."""
    text = model.text_encoder(batch.tokens).last_hidden_state
    encoders = model.adapter.encoders
    identity = {
        "face": BranchCondition(batch.face_scale, encoders["face"](batch.face)),
        "body": BranchCondition(batch.body_scale, encoders["body"](batch.body)),
    }
    pooled = model.adapter.pooled(pool_words(text, batch.tokens, model.tokenizer.eos_token_id), identity)
    return Told(text, pooled, identity, model.guide(batch.skeleton, batch.draft, model.vae))


def walk(model: NanoModel, told: Told, steps: int, last: int | None = None) -> Tensor:
    """The clean latents that `steps` steps from the draft arrive at, or their number `last` foretells; only that step
    has a gradient."""
    latents, last = told.guide.latents, steps if last is None else last
    eta, clean = float(model.metadata["sampling"]["eta"]), latents
    for number in range(last):
        start = 1 - number / steps
        with torch.set_grad_enabled(torch.is_grad_enabled() and number == last - 1):
            clean = predict_clean(model, latents, torch.full((len(latents),), start, device=latents.device), told)
        noise = eta * torch.randn_like(latents)
        latents = step(latents, clean, start, 1 - (number + 1) / steps, told.guide, noise)
    return clean


def _critic_learns(critic: Critic, optimizer: torch.optim.Optimizer, drawn: Tensor, photos: Tensor) -> Tensor:
    """One step on the hinge loss (Lim & Ye, 2017), which is returned: 2 where nothing is told apart."""
    of_drawn, of_photos = critic(torch.cat([drawn, photos])).chunk(2)
    loss: Tensor = F.relu(1 + of_drawn).mean() + F.relu(1 - of_photos).mean()
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()


def _ratio(first: Tensor, second: Tensor, at: Tensor) -> Tensor:
    """How much harder the first loss pulls at `at` than the second (Esser et al., 2021)."""
    own, other = (torch.autograd.grad(loss, at, retain_graph=True)[0].norm() for loss in (first, second))
    ratio: Tensor = own / other.clamp(min=1e-6)
    return ratio.clamp(max=1e4)


@torch.no_grad()
def _errors(model: NanoModel, batch: Batch, draw_steps: int) -> dict[str, float]:
    told, photo = tell(model, batch), decoded(model.vae, batch.latents)
    with torch.random.fork_rng():
        torch.manual_seed(COMPARED_SEED)
        arrived = {f"{steps} steps": walk(model, told, steps) for steps in (1, draw_steps, 30)}
    drawn = {name: decoded(model.vae, latents) for name, latents in arrived.items()}
    drawn["draft"] = decoded(model.vae, told.guide.latents)
    return {name: float(picture_error(picture, photo, batch.weight)) for name, picture in drawn.items()}


def _before(run: FinishRun, measure: Any) -> dict[str, float]:
    """Measured once, by the run that began."""
    path = run.out / "before.json"
    if not path.exists():
        path.write_text(json.dumps(measure()) + "\n", "utf-8")
    figures: dict[str, float] = json.loads(path.read_text("utf-8"))
    return figures
