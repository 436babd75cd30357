"""The benchmarks compare the intended contenders; speeds are not tested."""

from __future__ import annotations

import inspect
import json
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.__main__ import main
from benchmarks.comparison import Contender, PeakMemory, Turns, overhead, speedup, take_turns
from benchmarks.requests import nano_requests
from benchmarks.shapes import FEW, MANY, SHAPES, Shape
from benchmarks.stable import Around, stable_requests
from benchmarks.steps import StepBench
from engine.backbones.nano.pipeline import load_nano, save_nano
from tests.random_nano import HEIGHT, WIDTH, random_nano

TINY = Shape(
    {
        "sample_size": (12, 8),
        "block_out_channels": (16, 32),
        "layers_per_block": 1,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
        "cross_attention_dim": 32,
        "attention_head_dim": 2,
        "norm_num_groups": 8,
    },
    text_tokens=5,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A nano that draws as fast as its layout allows, in one step by default."""
    path = tmp_path_factory.mktemp("nano")
    save_nano(random_nano(), path, {"steps": 1})
    return path


def waiting(turns: list[str], name: str, seconds: float = 0.0) -> Contender:
    def run() -> None:
        turns.append(name)
        time.sleep(seconds)

    return Contender(lambda: None, run)


def test_sides_take_turns_and_the_warm_up_is_not_counted() -> None:
    turns: list[str] = []
    measured = take_turns({name: waiting(turns, name) for name in ("ours", "baseline")}, 3, "cpu")
    assert turns[2:] == ["ours", "baseline", "baseline", "ours", "ours", "baseline"]
    assert [len(side.seconds) for side in measured.values()] == [3, 3]


def test_a_ratio_comes_from_the_clock_and_has_quartiles() -> None:
    slow, quick = waiting([], "slow", 0.04), waiting([], "quick", 0.002)
    longer, faster = overhead(slow, quick, 3, "cpu"), speedup(slow, quick, 3, "cpu")
    assert longer.median > 1 > faster.median
    assert longer.seconds >= 0.04 and longer.pairs == 3 and longer.low <= longer.median <= longer.high


def test_the_memory_that_a_run_takes_is_seen_though_it_gives_it_back() -> None:
    with PeakMemory("cpu") as much:
        block = torch.ones(64 * 2**18)
        time.sleep(0.05)
        del block
    with PeakMemory("cpu") as little:
        time.sleep(0.02)
    assert 60 < much.growth_mib < 100 and little.growth_mib < 20


def test_both_draw_the_same_size_with_the_same_weights(folder: Path) -> None:
    requests = nano_requests(folder, "cpu")
    ours, baseline = requests.ours(1, 1.0, 2).run(), requests.baseline(2, 7.5).run()
    assert isinstance(ours, list) and isinstance(baseline, list)
    assert [picture.size for picture in ours + baseline] == [(4 * WIDTH, 4 * HEIGHT)] * 3
    weights = load_nano(folder)[0].unet.state_dict()
    pipeline = inspect.getclosurevars(requests.baseline(2, 7.5).run).nonlocals["pipeline"]
    theirs = pipeline.unet.state_dict()
    shared = {name: value for name, value in theirs.items() if name in weights}
    same = [name for name, value in shared.items() if weights[name].shape == value.shape]
    assert set(shared) - set(same) == {"conv_in.weight", "conv_out.weight", "conv_out.bias"}
    assert all(torch.equal(weights[name], theirs[name]) for name in same)
    assert {type(p).__name__ for p in pipeline.unet.attn_processors.values()} >= {"IPAdapterAttnProcessor2_0"}


def test_every_contestant_is_what_its_name_says() -> None:
    bench = StepBench(TINY, "cpu")
    outputs = {}
    for name, side in {"plain": bench.plain(), "ours": bench.ours(FEW), "diffusers": bench.diffusers(FEW)}.items():
        side.prepare()
        outputs[name] = (side.run(), {type(p).__name__ for p in bench.unet.attn_processors.values()})
    assert outputs["plain"][1] == {"AttnProcessor2_0"}
    assert outputs["ours"][1] == {"BranchedAttention", "PlainAttention"}
    assert "IPAdapterAttnProcessor2_0" in outputs["diffusers"][1]
    assert all(output.shape == (1, 4, 12, 8) and output.isfinite().all() for output, _ in outputs.values())


@torch.inference_mode()
def test_image_tokens_matter_to_both_contestants() -> None:
    bench = StepBench(TINY, "cpu")
    for contender in (bench.ours, bench.diffusers):
        results = []
        for tokens in (FEW, MANY):
            torch.manual_seed(1)
            side = contender(tokens)
            side.prepare()
            results.append(side.run())
        assert not torch.equal(*results)


def test_stable_requests_share_one_unet_and_each_wears_its_own_attention() -> None:
    around = Around(text=(32, 1, 2), vae=(8, 8), vae_groups=4, tower=(32, 2, 2), tower_px=28)
    requests = stable_requests(TINY, "cpu", around)
    for _ in range(2):
        for side in (requests.ours(1, 1.0, 1), requests.baseline(2, 7.5)):
            side.prepare()
            (picture,) = side.run()  # type: ignore[misc]
            assert picture.size == (16, 24)


def test_long_requests_are_extrapolated_over_steps(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    around = Around(text=(32, 1, 2), vae=(8, 8), vae_groups=4, tower=(32, 2, 2), tower_px=28)
    tiny = stable_requests(TINY, "cpu", around)
    monkeypatch.setitem(SHAPES, "sd15", TINY)
    monkeypatch.setattr("benchmarks.suite.stable_requests", lambda shape, device: tiny)
    seconds = {"default": 2.0, "ours 1": 1.0, "ours 3": 3.0, "baseline 1": 2.0, "baseline 3": 6.0}

    def clocked(contenders: dict[str, Contender], pairs: int, device: str, warm_up: bool) -> dict[str, Turns]:
        take_turns(contenders, 1, device, warm_up)  # all of them run
        return {name: Turns([seconds[name]] * pairs, 0.0) for name in contenders}

    monkeypatch.setattr("benchmarks.suite.take_turns", clocked)
    out = tmp_path / "out.json"
    assert main(["--shape", "sd15", "--json", str(out), "--pairs", "1", "--request-pairs", "2"]) == 0
    figures = json.loads(out.read_text("utf-8"))
    assert figures["request"]["steps_measured"] == [1, 3]
    assert figures["spread"]["request_speedup_default"]["pairs"] == 2
    assert figures["spread"]["request_speedup_equal"]["baseline_seconds"] == pytest.approx(60.0)
    assert figures["request_speedup_default"] == pytest.approx(30.0)
    assert figures["request_speedup_equal"] == pytest.approx(2.0)


def test_the_command_writes_figures_and_a_plot(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    monkeypatch.setitem(SHAPES, "nano", TINY)
    monkeypatch.setattr("benchmarks.suite.BASELINE_STEPS", 2)
    out, plot = tmp_path / "out.json", tmp_path / "out.png"
    arguments = [
        "--json",
        str(out),
        "--plot",
        str(plot),
        "--pairs",
        "2",
        "--request-pairs",
        "1",
        "--weights",
        str(folder),
    ]
    assert main([*arguments, "--device", "cpu"]) == 0
    figures: dict[str, Any] = json.loads(out.read_text("utf-8"))
    for key in (
        "step_overhead_20",
        "step_overhead_1280",
        "diffusers_step_overhead_1280",
        "request_speedup_default",
        "request_speedup_equal",
        "first_preview_speedup",
        "batch8_throughput",
    ):
        assert figures[key] == figures["spread"][key]["median"] > 0
        assert set(figures["memory_mib"][key]) == {"ours", "baseline"}
    assert figures["request"]["default"] == {"steps": 1, "guidance": 1.0}
    assert figures["spread"]["step_overhead_20"]["pairs"] == 2
    assert plot.stat().st_size > 1000
    assert f"{figures['step_overhead_1280']:.3f}" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [["--pairs", "0"], ["--request-pairs", "-1"], ["--json", "/nowhere/out.json"]])
def test_a_wrong_argument_is_one_line(wrong: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", str(tmp_path / "out.json"), *wrong]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_the_shapes_are_those_of_the_models_they_name() -> None:
    from diffusers import UNet2DConditionModel

    millions = {}
    for name, shape in SHAPES.items():
        with torch.device("meta"):
            unet = UNet2DConditionModel(**shape.unet)
        millions[name] = round(sum(p.numel() for p in unet.parameters()) / 1e6)
    assert (millions["sd15"], millions["sdxl"]) == (860, 2567)
