"""Prompts longer than a text encoder reads at once."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline

from engine.backbones.long_prompts import CHUNKS_MAX, encode_prompts, token_chunks

LONG = "a portrait of a person in a forest, " * 12 + "on a beach by the sea"


@pytest.fixture(scope="module", params=["sd15", "sdxl"])
def pipeline(request: pytest.FixtureRequest) -> Any:
    folder = request.getfixturevalue(f"tiny_{request.param}").pipeline
    if request.param == "sdxl":
        return StableDiffusionXLPipeline.from_pretrained(folder)
    return StableDiffusionPipeline.from_pretrained(folder, safety_checker=None, requires_safety_checker=False)


def encoded(pipeline: Any, *prompts: str) -> Any:
    with torch.no_grad():
        return encode_prompts(pipeline, prompts, "cpu")


def test_short_prompts_are_encoded_as_stock_pipelines_do(pipeline: Any) -> None:
    prompts = ["a portrait in a forest", ""]
    with torch.no_grad():
        states, _, *pooled = pipeline.encode_prompt(
            prompts, device="cpu", num_images_per_prompt=1, do_classifier_free_guidance=False
        )
    ours = encoded(pipeline, *prompts)
    assert torch.allclose(ours.states, states, atol=1e-5)
    assert (ours.pooled is None) == (not pooled)
    if pooled:
        assert torch.allclose(ours.pooled, pooled[0], atol=1e-5)


def test_the_end_of_a_long_prompt_is_read(pipeline: Any) -> None:
    assert len(token_chunks(pipeline.tokenizer, LONG)) > 1
    first, second = encoded(pipeline, LONG, f"{LONG} painting").states
    assert first.shape[0] % 77 == 0 and first.shape[0] > 77
    assert not torch.allclose(first, second, atol=1e-3)


def test_chunks_hold_every_token_and_split_no_word(pipeline: Any) -> None:
    tokenizer = pipeline.tokenizer
    chunks = token_chunks(tokenizer, LONG)
    assert [token for chunk in chunks for token in chunk] == tokenizer(LONG, add_special_tokens=False).input_ids
    assert all(len(chunk) <= 75 for chunk in chunks)
    for chunk in chunks[:-1]:
        assert tokenizer.convert_ids_to_tokens(chunk[-1:])[0].endswith("</w>")


def test_a_long_prompt_in_the_batch_does_not_change_attention_to_a_short_one(pipeline: Any) -> None:
    """The short prompt's states are repeated; softmax over repeated keys gives the same attention."""
    alone, in_batch = encoded(pipeline, "on a beach").states[0], encoded(pipeline, LONG, "on a beach").states[1]
    assert len(in_batch) % len(alone) == 0 and len(in_batch) > len(alone)
    query = torch.randn(5, alone.shape[1], generator=torch.Generator().manual_seed(0))
    attend = torch.nn.functional.scaled_dot_product_attention
    assert torch.allclose(attend(query, alone, alone), attend(query, in_batch, in_batch), atol=1e-5)


def test_the_cut_part_of_a_prompt_is_logged(pipeline: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert len(token_chunks(pipeline.tokenizer, LONG * 5)) == CHUNKS_MAX
    assert "tokens only the first" in caplog.text
    caplog.clear()
    assert token_chunks(pipeline.tokenizer, "") == [[]] and not caplog.text
