from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.adapter.model import AdapterConfig
from trainer.errors import CheckpointError
from trainer.study.methods.base import StudyBase, fitted_autoencoder, load_base, new_base, save_base
from trainer.study.methods.critic import Critic
from trainer.study.methods.identity_features import IDENTITY_DIM, Encoders, IdentityFeatures, crops_of
from trainer.study.methods.instantid import face_dots
from trainer.study.methods.method import EncodedPrompts, Method
from trainer.study.methods.photos import StudyBatch
from trainer.study.methods.pulid import PuLID, PuLIDOptions
from trainer.study.methods.registry import ABLATIONS, METHODS, build, load_method, save_method
from trainer.study.methods.request import Request, StudyReference, Variation
from trainer.study.methods.sampler import StudySampler

WIDTH, HEIGHT = 64, 128
LATENTS = (192, HEIGHT // 16, WIDTH // 16)
"""Channels, rows, columns."""
ALL = {**METHODS, **ABLATIONS}


@pytest.fixture(scope="module")
def bare() -> StudyBase:
    torch.manual_seed(0)
    return new_base(fitted_autoencoder(torch.rand(8, 3, HEIGHT, WIDTH) * 2 - 1), WIDTH, HEIGHT).frozen()


@pytest.fixture
def base(bare: StudyBase) -> Iterator[StudyBase]:
    before = dict(bare.unet.attn_processors)
    yield bare
    bare.unet.set_attn_processor(before)


@pytest.fixture(scope="module")
def encoders() -> Encoders:
    torch.manual_seed(0)
    return Encoders(AdapterConfig()).eval().requires_grad_(False)


def some_features(rows: int, views: int = 2, seed: int = 0) -> IdentityFeatures:
    generator = torch.Generator().manual_seed(seed)

    def random(*shape: int) -> Tensor:
        return torch.randn(rows, views, *shape, generator=generator)

    points = torch.rand(rows, 17, 3, generator=generator)
    points[:, :5, 2], points[:, 5:, 2] = 1, 0
    every = torch.ones(rows, views, dtype=torch.bool)
    return IdentityFeatures(
        whole=random(24, 192),
        body=random(24, 192),
        weighted=random(24, 192),
        face=random(16, 192),
        identity=torch.nn.functional.normalize(random(IDENTITY_DIM), dim=-1),
        face_seen=every,
        present=every,
        face_points=points,
    )


def with_changes(features: IdentityFeatures, **changes: Tensor) -> IdentityFeatures:
    return IdentityFeatures(**(vars(features) | changes))


def a_prediction(method: Method, features: IdentityFeatures | None, scale: float = 1.0) -> Tensor:
    rows = 2
    generator = torch.Generator().manual_seed(1)
    noisy = torch.randn(rows, *LATENTS, generator=generator)
    words = EncodedPrompts(*method.base.text(["a person on a beach", "человек в лесу"]))
    return method.predict(noisy, torch.tensor([900, 300]), words, features, torch.full((rows,), scale))


def a_batch(rows: int = 4) -> StudyBatch:
    generator = torch.Generator().manual_seed(2)
    return StudyBatch(
        clean=torch.randn(rows, *LATENTS, generator=generator),
        weight=torch.ones(rows, 1, *LATENTS[1:]),
        captions=["a person on a beach", "a person in a forest", "", "человек в комнате"][:rows],
        features=some_features(rows),
        joints=torch.rand(rows, 17, 2, generator=generator),
        seen=torch.ones(rows, 17),
        skeleton=torch.zeros(rows, 3, HEIGHT, WIDTH),
        pose_scale=torch.zeros(rows),
        known=torch.ones(rows),
    )


@pytest.mark.parametrize("name", METHODS)
def test_without_a_person_every_method_is_the_base_bit_for_bit(name: str, base: StudyBase) -> None:
    with torch.no_grad():
        plain = a_prediction(Method(base), None)
        method = build(name, base, None, 1)
        assert torch.equal(a_prediction(method, None), plain)
        assert torch.equal(a_prediction(method, some_features(2), scale=0.0), plain)


@pytest.mark.parametrize("name", [name for name in METHODS if name != "text"])
def test_branches_are_initialised_from_the_projections_of_the_text(name: str, base: StudyBase) -> None:
    method = build(name, base, None, 1)
    layer = method.layers.layer_names[-1]
    attention = base.unet.get_submodule(layer.removesuffix(".processor"))
    projections = method.layers.layer(layer)
    for branch in method.branches:
        assert torch.equal(projections.to_k[branch].weight, attention.get_submodule("to_k").weight)
        assert torch.equal(projections.to_v[branch].weight, attention.get_submodule("to_v").weight)
        assert projections.to_v[branch].weight is not attention.get_submodule("to_v").weight


@pytest.mark.parametrize("name", [name for name in METHODS if name != "text"])
def test_all_of_a_method_learns_and_nothing_of_its_base(name: str, base: StudyBase) -> None:
    method = build(name, base, None, 1)
    method(a_batch(), torch.Generator().manual_seed(0))["loss"].backward()
    untouched = [key for key, value in method.named_parameters() if value.grad is None]
    assert not untouched
    assert all(parameter.grad is None for parameter in base.unet.parameters())


@pytest.mark.parametrize("name", ["instantid", "pulid"])
def test_a_face_method_says_nothing_of_a_person_whose_face_is_not_seen(name: str, base: StudyBase) -> None:
    method = build(name, base, None, 1)
    unseen = with_changes(some_features(2), face_seen=torch.zeros(2, 2, dtype=torch.bool))
    with torch.no_grad():
        torch.testing.assert_close(a_prediction(method, unseen), a_prediction(method, None))
        assert not torch.allclose(a_prediction(method, some_features(2)), a_prediction(method, None))


def test_bolid_reads_the_body_before_a_damped_background_and_its_ablation_does_not(base: StudyBase) -> None:
    features = some_features(2)
    other = with_changes(features, weighted=torch.randn_like(features.weighted))
    with torch.no_grad():
        for name, reads in (("bolid", True), ("bolid_without_gaussian", False)):
            method = build(name, base, None, 1).eval()
            same = torch.allclose(a_prediction(method, features), a_prediction(method, other), atol=1e-5)
            assert same is not reads


def test_bolid_does_not_care_in_which_order_photos_came(base: StudyBase) -> None:
    method = build("bolid", base, None, 1).eval()
    features = some_features(2, views=3)
    turned = IdentityFeatures(**{k: v if k == "face_points" else v.flip(1) for k, v in vars(features).items()})
    with torch.no_grad():
        torch.testing.assert_close(a_prediction(method, turned), a_prediction(method, features), atol=1e-4, rtol=1e-4)


def test_photos_that_are_not_there_change_nothing(base: StudyBase) -> None:
    two, four = some_features(2), some_features(2, views=4)
    padded = {k: v if k == "face_points" else torch.cat([getattr(two, k), v[:, 2:]], 1) for k, v in vars(four).items()}
    absent = torch.tensor([True, True, False, False]).expand(2, 4)
    features = IdentityFeatures(**padded | {"face_points": two.face_points, "present": absent, "face_seen": absent})
    with torch.no_grad():
        for name in METHODS:
            method = build(name, base, None, 1).eval()
            torch.testing.assert_close(a_prediction(method, features), a_prediction(method, two), atol=1e-4, rtol=1e-4)


def test_instantid_wants_the_face_where_its_keypoints_are(base: StudyBase) -> None:
    points = torch.zeros(1, 17, 3)
    points[0, 0] = torch.tensor([0.25, 0.75, 1])
    dots = face_dots(points, WIDTH, HEIGHT)
    row, column = divmod(int(dots[0, 0].argmax()), WIDTH)
    assert (abs(column - WIDTH // 4) <= 1, abs(row - 3 * HEIGHT // 4) <= 1) == (True, True)
    assert dots[0, 1].max() == 0  # the other joints are unseen
    method = build("instantid", base, None, 1)
    with torch.no_grad():
        control = method.get_submodule("control")
        begun_at_zero = ("controlnet_down_blocks", "controlnet_cond_embedding.conv_out")
        for parameter in (p for name in begun_at_zero for p in control.get_submodule(name).parameters()):
            parameter.add_(0.5 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0)))
        features = some_features(2)
        moved = with_changes(features, face_points=features.face_points.flip(0))
        assert not torch.equal(a_prediction(method, features), a_prediction(method, moved))


def test_pulid_goes_through_its_stages(base: StudyBase) -> None:
    method = PuLID(base, Critic(base), PuLIDOptions(identity_from=1, alignment_from=2, branch_steps=2, branch_rows=2))
    generator = torch.Generator().manual_seed(0)
    first, second, third = (method(a_batch(), generator) for _ in range(3))
    assert set(first) == {"loss", "diffusion"}
    assert second["identity"] > 0 and second["semantic"] == 0
    assert third["semantic"] > 0 and third["layout"] > 0
    third["loss"].backward()
    assert method.project[0].weight.grad.abs().sum() > 0


def test_bolids_losses_compare_joints_and_texts(base: StudyBase) -> None:
    method = build("bolid", base, Critic(base).eval().requires_grad_(False), 1)
    with torch.no_grad():
        losses = method(a_batch(), torch.Generator().manual_seed(0))
    assert losses["joints"] > 0 and losses["words"] > 0
    assert losses["loss"].item() == pytest.approx(
        float(losses["diffusion"] + 0.05 * losses["joints"] + 0.02 * losses["words"]), rel=1e-5
    )


def test_a_method_comes_back_from_its_folder(base: StudyBase, tmp_path: Path) -> None:
    method = build("bolid", base, None, 1).eval()
    save_method(method, tmp_path / "bolid", {"run": {}})
    with torch.no_grad():
        before = a_prediction(method, some_features(2))
        after = a_prediction(load_method(tmp_path / "bolid", "bolid", base), some_features(2))
    torch.testing.assert_close(before, after, atol=1e-5, rtol=1e-5)
    with pytest.raises(CheckpointError, match="expected a trained pulid"):
        load_method(tmp_path / "pulid", "pulid", base)


def test_an_unknown_method_is_refused_by_name(base: StudyBase) -> None:
    with pytest.raises(CheckpointError, match="expected a method out of text, ip_adapter"):
        build("lora", base, None, 1)


def test_the_base_comes_back_from_its_folder(bare: StudyBase, tmp_path: Path) -> None:
    save_base(bare, tmp_path, {})
    again = load_base(tmp_path)
    assert (again.width, again.height) == (WIDTH, HEIGHT)
    with torch.no_grad():
        assert torch.equal(a_prediction(Method(again), None), a_prediction(Method(bare), None))


def a_reference(seed: int) -> StudyReference:
    rng = np.random.default_rng(seed)
    joints = np.zeros((17, 3), np.float32)
    joints[:, 0], joints[:, 1], joints[:, 2] = 32, np.linspace(20, 100, 17), 1
    box = np.array([16, 10, 48, 110], np.float32)
    image = rng.integers(0, 255, (120, 64, 3)).astype(np.uint8)
    return StudyReference(image, joints, np.array([26, 12, 38, 30], np.float32), box)


def test_far_from_the_joints_the_photo_is_darker(encoders: Encoders) -> None:
    white = a_reference(0)
    white = StudyReference(np.full_like(white.image, 255), white.keypoints, white.head_box, white.body_box)
    crops = crops_of(white, encoders.config)
    assert crops.body.min() == 255
    assert crops.weighted[:, crops.weighted.shape[1] // 2].mean() > crops.weighted[:, 0].mean() + 20
    assert crops.face_seen


def test_a_face_is_cut_without_the_collar(encoders: Encoders) -> None:
    photo = a_reference(0)
    image = np.zeros_like(photo.image)
    image[int(photo.head_box[3]) :] = 255  # all below the skull is white cloth
    crops = crops_of(StudyReference(image, photo.keypoints, photo.head_box, photo.body_box), encoders.config)
    assert crops.face[:-3].max() == 0  # scaling up softens the lowest edge


def test_the_painter_repeats_itself_and_listens_to_the_reference(base: StudyBase, encoders: Encoders) -> None:
    requests = [Request((a_reference(n), a_reference(n + 10)), "a person on a beach", 5) for n in range(2)]
    quick = Variation(steps=2)
    text = StudySampler("text", base, encoders, build("text", base, None, 1)).draw(requests, quick)
    assert text.shape == (2, HEIGHT, WIDTH, 3)
    assert (text[0] == text[1]).all()  # one prompt, one seed, and no identity
    torch.manual_seed(0)
    sampler = StudySampler("bolid", base, encoders, build("bolid", base, None, 1).eval())
    drawn = sampler.draw(requests, quick)
    assert (drawn == sampler.draw(requests, quick)).all()
    assert (drawn[0] != drawn[1]).any()
    assert (sampler.draw(requests, Variation(steps=2, face=False, body=False)) == text).all()
    assert (sampler.draw(requests, Variation(steps=2, views=1)) != drawn).any()


def test_the_errors_follow_from_the_seed_alone(base: StudyBase, encoders: Encoders) -> None:
    sampler = StudySampler("text", base, encoders, build("text", base, None, 1))
    targets = np.stack([a_reference(7).image, a_reference(8).image])
    requests = [Request((a_reference(n),), "a person on a beach", 5) for n in range(2)]
    of_noise, of_clean = sampler.errors(requests, targets)
    assert of_noise.shape == of_clean.shape == (2,)
    assert (of_noise > 0).all() and (of_clean > 0).all()
    np.testing.assert_array_equal([of_noise, of_clean], sampler.errors(requests, targets))
