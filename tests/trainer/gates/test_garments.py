"""The garment of the prompt differs from the worn one, and is recognised only on pictures that show it."""

from __future__ import annotations

import numpy as np

from trainer.evaluation.evaluators import Evaluators
from trainer.gates.cases import Case
from trainer.gates.garments import change_for, dressed, garments_seen
from trainer.synthetic.identity import sample_identity


def test_the_words_name_another_garment_of_the_same_slot() -> None:
    slots = set()
    for identity in range(2_000_000, 2_000_040):
        change, who = change_for(identity), sample_identity(identity)
        slots.add(change.slot)
        assert change.worn == getattr(who, change.slot)
        assert change.garment.kind not in (change.worn.kind, "dress") and change.garment.colour != change.worn.colour
        new = dressed(identity, change)
        assert getattr(new, change.slot) == change.garment and new.bottom is not None
        assert new.skin == who.skin and new.hair == who.hair
    assert slots == {"top", "bottom"}


def test_the_evaluator_sees_the_garment_where_it_is_worn(cases: list[Case], evaluators: Evaluators) -> None:
    changes = [case.change for case in cases]
    worn = garments_seen(np.stack([case.changed.image for case in cases]), changes, evaluators)
    not_worn = garments_seen(np.stack([case.held_out.image for case in cases]), changes, evaluators)
    assert worn.mean() >= 0.75 and not_worn.mean() <= 0.25
