"""Public networks are read from folders of their layout; here with small or random weights, in operation with the
published ones."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from tests.tiny_clip import write_tiny_clip
from trainer.__main__ import main
from trainer.errors import CheckpointError
from trainer.evaluation.inception import WEIGHTS, Inception, load_inception
from trainer.evaluation.published import ALEXNET, LPIPS_LAYERS, Clip, Lpips, Published, load_lpips, load_published
from trainer.study import coco_protocol
from trainer.study.coco_protocol import CocoRun, evaluate_coco
from trainer.study.methods.request import AS_USUAL, Picture, Request, Variation

SIDE = 16


def photos(count: int, seed: int = 0, size: tuple[int, int] = (48, 32)) -> NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    flat = rng.integers(0, 255, (count, 4, 4, 3), np.uint8)
    return np.stack([np.asarray(Image.fromarray(row).resize(size[::-1])) for row in flat])


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny CLIP in its own layout, with two layers and a vocabulary of letters."""
    folder = tmp_path_factory.mktemp("clip")
    torch.manual_seed(0)
    write_tiny_clip(folder, SIDE)
    return folder


@pytest.fixture(scope="module")
def lpips_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights with the names of torchvision and lpips, together with weights that are not read."""
    folder, network = tmp_path_factory.mktemp("lpips"), Lpips()
    torch.manual_seed(0)
    alexnet = {f"features.{k[7:]}": 0.1 * torch.randn_like(v) for k, v in network.state_dict().items() if "stages" in k}
    torch.save(alexnet | {"classifier.1.weight": torch.zeros(2, 2)}, folder / ALEXNET)
    linear = {f"lin{n}.model.1.weight": torch.rand(1, c, 1, 1) for n, c in enumerate(Lpips.CHANNELS)}
    torch.save(linear, folder / LPIPS_LAYERS)
    return folder


def test_clip_gives_unit_vectors_that_follow_picture_and_words(clip_folder: Path) -> None:
    clip = Clip(clip_folder)
    pictures, texts = clip.pictures(list(photos(3))), clip.texts(["a cat", "a dog on a very long beach of sand", ""])
    for vectors in (pictures, texts):
        assert vectors.shape == (3, 8)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
        assert np.abs(vectors[0] - vectors[1]).max() > 1e-3
    np.testing.assert_allclose(clip.texts(["a cat"]), texts[:1], atol=1e-5)  # other fields do not matter


def test_clip_sees_the_middle_of_a_photo_scaled_to_its_side(clip_folder: Path) -> None:
    wide = np.zeros((SIDE, 3 * SIDE, 3), np.uint8)
    wide[:, SIDE : 2 * SIDE] = 200
    clip = Clip(clip_folder)
    middle = np.full((SIDE, SIDE, 3), 200, np.uint8)
    np.testing.assert_allclose(clip.pictures([wide]), clip.pictures([middle]), atol=1e-5)


def test_lpips_is_nothing_for_equal_pictures_and_grows_with_noise(lpips_folder: Path) -> None:
    lpips, pictures = load_lpips(lpips_folder), photos(2, size=(64, 64))
    noise = np.random.default_rng(0).normal(0, 1, pictures.shape)
    little, much = ((pictures + share * noise).clip(0, 255).astype(np.uint8) for share in (4, 40))
    np.testing.assert_allclose(lpips.distances(pictures, pictures), 0, atol=1e-6)
    assert (lpips.distances(pictures, little) > 0).all()
    assert (lpips.distances(pictures, little) < lpips.distances(pictures, much)).all()


def test_lpips_measures_pictures_too_small_for_its_network_enlarged(lpips_folder: Path) -> None:
    lpips, small = load_lpips(lpips_folder), photos(2, size=(32, 48))
    assert (lpips.distances(small, small[::-1].copy()) > 0).all()
    np.testing.assert_allclose(lpips.distances(small, small), 0, atol=1e-6)


def test_inception_has_the_published_shape_and_comes_from_its_file(tmp_path: Path) -> None:
    network = Inception()
    assert sum(parameter.numel() for parameter in network.parameters()) == 21_785_568
    weights = network.state_dict() | {"fc.weight": torch.zeros(1008, 2048), "fc.bias": torch.zeros(1008)}
    torch.save(weights, tmp_path / WEIGHTS)
    features = load_inception(tmp_path).features(photos(2))
    assert features.shape == (2, 2048)
    assert (features[0] != features[1]).any()


def test_weights_that_are_absent_or_others_are_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CheckpointError, match="download it"):
        load_inception(tmp_path)
    torch.save({"Conv2d_1a_3x3.conv.weight": torch.zeros(1)}, tmp_path / WEIGHTS)
    with pytest.raises(CheckpointError, match="do not fit"):
        load_inception(tmp_path)
    (tmp_path / ALEXNET).write_bytes(b"no weights")
    with pytest.raises(CheckpointError, match="download it again"):
        load_lpips(tmp_path)
    with pytest.raises(CheckpointError, match=r"config\.json"):
        Clip(tmp_path)
    assert main(["evaluate", "--study", str(tmp_path), "--coco", str(tmp_path)]) == 2
    assert "expected --clip with --coco" in capsys.readouterr().err


def test_only_networks_that_are_present_give_published_figures(clip_folder: Path) -> None:
    assert Published().measure(photos(2), photos(2), ["a", "b"]) == {}
    figures = load_published(clip_folder, None, None).measure(photos(2), photos(2, size=(96, 64)), ["a cat", "a dog"])
    assert set(figures) == {"clip_t", "clip_i"}
    assert np.asarray(figures["clip_i"]).min() > 0.9  # the same photos, larger


class Copyist:
    """A sampler that draws its reference at its own size, or nothing but grey."""

    name, size = "copyist", (32, 48)

    def __init__(self, copies: bool) -> None:
        self.copies, self.seeds = copies, list[int]()

    def draw(self, requests: list[Request], variation: Variation = AS_USUAL) -> Picture:
        self.seeds += [request.seed for request in requests]
        photos = [request.references[0].image for request in requests]
        copied = [np.asarray(Image.fromarray(photo).resize(self.size)) for photo in photos]
        return np.stack(copied if self.copies else [np.full_like(photo, 128) for photo in copied])


@pytest.fixture(scope="module")
def coco(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eighteen photos with captions in the official layout: a chunk of 16 and two more."""
    folder, images, captions = tmp_path_factory.mktemp("coco"), [], []
    (folder / "annotations").mkdir()
    (folder / "val2017").mkdir()
    for number, photo in enumerate(photos(18, seed=3)):
        name = f"{number:012d}.png"
        Image.fromarray(photo).save(folder / "val2017" / name)
        images.append({"id": number, "file_name": name})
        captions.append({"id": number, "image_id": number, "caption": f"a {'bcdfghjklmnpqrstvw'[number]}at"})
    content = {"images": images, "annotations": captions}
    (folder / "annotations" / "captions_val2017.json").write_text(json.dumps(content))
    return folder


def test_coco_draws_four_pictures_per_caption_with_the_same_seeds_and_resumes(
    coco: Path, clip_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samplers = {"copyist": Copyist(True), "grey": Copyist(False)}
    monkeypatch.setattr(coco_protocol, "load_sampler", lambda study, name: samplers[name])
    published, run = Published(Clip(clip_folder)), CocoRun(coco, 17, seed=5)
    figures = evaluate_coco(tmp_path, run, ["copyist", "grey"], published)
    assert figures["copyist"]["captions"] == 17 and figures["copyist"]["pictures"] == 68
    assert figures["copyist"]["full"] is False
    assert samplers["copyist"].seeds == [5, 6, 7, 8] * 17
    assert figures["copyist"]["clip_i"]["mean"] > 0.95 > figures["grey"]["clip_i"]["mean"]
    assert json.loads((tmp_path / "coco" / "grey.json").read_text())["clip_t"] == figures["grey"]["clip_t"]
    evaluate_coco(tmp_path, CocoRun(coco, 18, seed=5), ["copyist"], published)
    assert len(samplers["copyist"].seeds) == 68 + 8  # the first chunk was kept
