"""Several views become one embedding."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from engine.identity.pooling import attend
from engine.identity.profile import IdentityProfile, Observation, View


def _unit(*values: float) -> np.ndarray:
    vector = np.array(values, np.float32)
    return vector / np.linalg.norm(vector)


def test_one_view_is_itself() -> None:
    pooled = attend(_unit(1, 2, 3)[None], np.array([0.2], np.float32))
    assert pooled.embedding == pytest.approx(_unit(1, 2, 3)) and pooled.weights.tolist() == [1.0]


def test_a_view_unlike_the_others_and_a_poor_one_count_less() -> None:
    views = np.stack([_unit(1, 0.1, 0), _unit(1, 0, 0.1), _unit(0, 0, -1)])
    equal = attend(views, np.ones(3, np.float32))
    assert equal.weights.sum() == pytest.approx(1) and equal.weights[2] < 0.1 < equal.weights[0]
    poor = attend(views, np.array([1, 0.2, 1], np.float32))
    assert poor.weights[1] < 0.3 * poor.weights[0]
    assert np.linalg.norm(poor.embedding) == pytest.approx(1)


def test_the_order_of_the_views_does_not_matter() -> None:
    views, worth = np.stack([_unit(1, 0.1), _unit(1, 1), _unit(0, 1)]), np.array([0.5, 1, 0.7], np.float32)
    assert attend(views[::-1], worth[::-1]).embedding == pytest.approx(attend(views, worth).embedding, abs=1e-6)


def _view(**fields: object) -> View:
    return View(Image.new("RGB", (8, 9), "red"), Observation(8, 9, **fields))  # type: ignore[arg-type]


def test_a_profile_pools_over_the_views_that_show_something() -> None:
    keypoints = np.zeros((17, 3), np.float32)
    keypoints[:5, 2] = 1
    whole = keypoints.copy()
    whole[:, 2] = 1
    profile = IdentityProfile(
        (
            _view(face_embedding=_unit(1, 0)),
            _view(body_embedding=_unit(1, 0.2), keypoints=keypoints),
            _view(body_embedding=_unit(1, -0.2), keypoints=whole),
        )
    )
    face, body = profile.face(), profile.body()
    assert face is not None and face.weights.tolist() == [1, 0, 0]
    assert body is not None and body.weights[0] == 0 and body.weights[2] > 2 * body.weights[1]
    assert IdentityProfile((_view(),)).face() is None is IdentityProfile((_view(),)).body()
