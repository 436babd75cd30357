"""A small convolutional classifier that the gates train: generated pictures against true ones, or styles.

It starts from random weights and is the same for every backbone. A classifier that separates held-out pictures shows
that the two sets differ (Lopez-Paz and Oquab, Revisiting Classifier Two-Sample Tests, 2017).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.pixels import to_tensor
from trainer.evaluation.metrics import Floats

Pictures = NDArray[np.uint8]
WIDTHS: Final = (16, 32, 48, 64)
BATCH: Final = 24
EPOCHS: Final = 24
STEPS: Final = (80, 320)
"""The least and the largest number of steps."""
LEARNING_RATE: Final = 3e-3
SHIFT_MAX_PX: Final = 4


class PairClassifier(nn.Module):
    """Convolutions down to a sixteenth of the side, then a linear layer on the means and the maxima of the channels:
    the maxima keep local flaws, the means those of the whole picture."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in zip((3, *WIDTHS[:-1]), WIDTHS, strict=True):
            layers += [nn.Conv2d(before, after, 5 if before == 3 else 3, stride=2, padding=2 if before == 3 else 1)]
            layers += [nn.GroupNorm(8, after), nn.SiLU()]
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(2 * WIDTHS[-1], classes)

    def forward(self, x: Tensor) -> Tensor:
        """x [B, 3, H, W] in [-1, 1] -> logits [B, classes]."""
        features = self.body(x)
        logits: Tensor = self.head(torch.cat([features.mean((2, 3)), features.amax((2, 3))], 1))
        return logits


def fit_classifier(
    pictures: Pictures, labels: NDArray[np.int64], seed: int = 0, steps: int | None = None
) -> PairClassifier:
    """Trains on pictures uint8 [n, H, W, 3] with labels 0, 1, ... [n]. Every batch has as many pictures of each class,
    shifted, mirrored, and made lighter or darker. About EPOCHS passes, within the limits STEPS, unless `steps` is
    given."""
    rng, classes = np.random.default_rng(seed), int(labels.max()) + 1
    members = [np.flatnonzero(labels == number) for number in range(classes)]
    each = max(BATCH // classes, 1)
    if steps is None:
        steps = int(np.clip(EPOCHS * len(pictures) // (each * classes), *STEPS))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = PairClassifier(classes)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=max(steps, 2))
    model.train()
    for _ in range(steps):
        rows = np.concatenate(
            [rng.choice(rows_of_class, each, replace=len(rows_of_class) < each) for rows_of_class in members]
        )
        loss = F.cross_entropy(model(_varied(pictures[rows], rng)), torch.from_numpy(labels[rows]))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return model.eval()


@torch.no_grad()
def logits_of(model: PairClassifier, pictures: Pictures) -> NDArray[np.float32]:
    """The logits [n, classes] of pictures uint8 [n, H, W, 3]."""
    parts = [model(to_tensor(pictures[first : first + 32])) for first in range(0, len(pictures), 32)]
    return torch.cat(parts).numpy()


def halves_of(people: int, seed: int = 0) -> NDArray[np.bool_]:
    """bool [people]: true for the random half that the classifier is trained on."""
    half = np.zeros(people, bool)
    half[np.random.default_rng(seed).permutation(people)[: people // 2]] = True
    return half


def two_sample_scores(
    generated: Pictures, true: Pictures, learns: NDArray[np.bool_], steps: int | None = None
) -> tuple[Floats, Floats]:
    """Generated and true pictures of the same people, uint8 [n, H, W, 3] each -> logits for "generated" of both, [n]
    each, by a classifier trained on the people `learns`, bool [n]; NaN for these people."""
    labels = np.repeat(np.array([1, 0], np.int64), int(learns.sum()))
    model = fit_classifier(np.concatenate([generated[learns], true[learns]]), labels, steps=steps)
    scores = []
    for pictures in (generated, true):
        logits = logits_of(model, pictures).astype(np.float64)
        scores.append(np.where(learns, np.nan, logits[:, 1] - logits[:, 0]))
    return scores[0], scores[1]


def _varied(pictures: Pictures, rng: np.random.Generator) -> Tensor:
    """[B, 3, H, W] in about [-1, 1]."""
    x = to_tensor(pictures)
    if rng.random() < 0.5:
        x = x.flip(-1)
    y_shift, x_shift = rng.integers(-SHIFT_MAX_PX, SHIFT_MAX_PX + 1, 2)
    padded = F.pad(x, (SHIFT_MAX_PX,) * 4, mode="replicate")
    height, width = x.shape[2:]
    top, left = SHIFT_MAX_PX + int(y_shift), SHIFT_MAX_PX + int(x_shift)
    light = torch.from_numpy(rng.uniform(0.9, 1.1, (len(x), 1, 1, 1)).astype(np.float32))
    return padded[:, :, top : top + height, left : left + width] * light
