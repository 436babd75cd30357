"""The bench compares what it says it compares; how fast things are is not for a test to say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.__main__ import main
from engine.bench import FEW, MANY, SHAPES, Bench, Shape, Side, compare

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


def test_sides_take_turns_and_the_warm_up_is_not_counted() -> None:
    turns: list[str] = []
    ours, peer = (Side(lambda: None, lambda name=name: turns.append(name)) for name in ("ours", "peer"))  # type: ignore[misc]
    ratio = compare(ours, peer, 3, "cpu")
    assert turns[2:] == ["ours", "peer", "peer", "ours", "ours", "peer"]
    assert ratio.pairs == 3 and ratio.low <= ratio.median <= ratio.high


def test_every_contestant_is_what_its_name_says() -> None:
    bench = Bench(TINY, "cpu")
    outputs = {}
    for name, side in {"plain": bench.plain(), "ours": bench.ours(FEW), "diffusers": bench.diffusers(FEW)}.items():
        side.dress()
        outputs[name] = (side.run(), {type(p).__name__ for p in bench.unet.attn_processors.values()})
    assert outputs["plain"][1] == {"AttnProcessor2_0"}
    assert outputs["ours"][1] == {"BranchedAttention", "PlainAttention"}
    assert "IPAdapterAttnProcessor2_0" in outputs["diffusers"][1]
    assert all(output.shape == (1, 4, 12, 8) and output.isfinite().all() for output, _ in outputs.values())


@torch.inference_mode()
def test_image_tokens_matter_to_both_contestants() -> None:
    bench = Bench(TINY, "cpu")
    for contestant in (bench.ours, bench.diffusers):
        results = []
        for tokens in (FEW, MANY):
            torch.manual_seed(1)
            side = contestant(tokens)
            side.dress()
            results.append(side.run())
        assert not torch.equal(*results)


def test_the_command_writes_figures_and_a_plot(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(SHAPES, "nano", TINY)
    out, plot = tmp_path / "out.json", tmp_path / "out.png"
    assert main(["bench", "--json", str(out), "--plot", str(plot), "--pairs", "2", "--device", "cpu"]) == 0
    figures: dict[str, Any] = json.loads(out.read_text("utf-8"))
    for key in ("step_overhead_20", "step_overhead_1280", "diffusers_step_overhead_1280", "batch8_throughput"):
        assert figures[key] > 0
    assert figures["peak_memory_mib"] > 0
    assert plot.stat().st_size > 1000
    assert "step_overhead_1280" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [["--pairs", "0"], ["--json", "/nowhere/out.json"]])
def test_a_wrong_argument_is_one_line(wrong: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--json", str(tmp_path / "out.json"), *wrong]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_the_shapes_are_those_of_the_models_they_name() -> None:
    from diffusers import UNet2DConditionModel

    millions = {}
    for name, shape in SHAPES.items():
        with torch.device("meta"):
            unet = UNet2DConditionModel(**shape.unet)
        millions[name] = round(sum(p.numel() for p in unet.parameters()) / 1e6)
    assert (millions["sd15"], millions["sdxl"]) == (860, 2567)
