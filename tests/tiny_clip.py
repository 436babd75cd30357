"""CLIP in its published layout, tiny, with a vocabulary of letters."""

from __future__ import annotations

import json
from pathlib import Path

from transformers import CLIPConfig, CLIPModel, CLIPTokenizer


def write_tiny_clip(folder: Path, side: int) -> None:
    """Two layers with random weights for pictures of `side` px."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: index for index, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = CLIPTokenizer(vocab=str(folder / "vocab.json"), merges=str(folder / "merges.txt"))
    tokenizer.save_pretrained(folder)
    layers = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    tokens = {"vocab_size": len(words), "bos_token_id": len(words) - 2, "eos_token_id": len(words) - 1}
    config = CLIPConfig(
        text_config=layers | tokens | {"max_position_embeddings": 12, "pad_token_id": len(words) - 1},
        vision_config=layers | {"image_size": side, "patch_size": 8},
        projection_dim=8,
    )
    CLIPModel(config).save_pretrained(folder)
