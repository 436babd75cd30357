"""Measures nano's prompt reader on free prompts: `python -m trainer.gates.prompt_reading`.

An ignored phrase counts by its words, function words left out, since a phrase may be cut in more than one right way."""

from __future__ import annotations

import argparse
import time
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Column, Table

from engine.backbones.nano.attributes import NAMES, Attributes, encode_attributes
from engine.backbones.nano.prompt_lexicon import open_lexicon
from engine.backbones.nano.prompt_reader import PromptReader, PromptReading
from engine.backbones.nano.prompt_tokens import tokens_of

PROMPTS: Final = Path(__file__).with_name("free_prompts.toml")
FUNCTION_KINDS: Final = ("preposition", "article", "grammar", "and")
IGNORED: Final = "ignored"


@dataclass(frozen=True)
class FreePrompt:
    language: str
    text: str
    said: Attributes
    ignored: tuple[str, ...]


@dataclass(frozen=True)
class Score:
    """The number of values that are `right`, that were `read`, and that are `expected`."""

    right: int
    read: int
    expected: int

    @property
    def precision(self) -> float | None:
        return self.right / self.read if self.read else None

    @property
    def recall(self) -> float | None:
        return self.right / self.expected if self.expected else None


@dataclass(frozen=True)
class Read:
    prompt: FreePrompt
    reading: PromptReading
    seconds: float
    """Seconds of processor time."""

    @property
    def attributes_right(self) -> bool:
        return self.reading.attributes == self.prompt.said

    @property
    def ignored_right(self) -> bool:
        return content_words(self.reading.ignored) == content_words(self.prompt.ignored)


def prompts_of(path: Path) -> list[FreePrompt]:
    """The prompts of a file. Raises KeyError or ValueError for slots and values that nano does not have."""
    entries = tomllib.loads(path.read_text("utf-8"))["prompt"]
    prompts = [FreePrompt(**entry | {"ignored": tuple(entry["ignored"])}) for entry in entries]
    for prompt in prompts:
        encode_attributes(prompt.said)
    return prompts


def content_words(phrases: Iterable[str]) -> Counter[str]:
    lexicon = open_lexicon()
    words: Counter[str] = Counter()
    for phrase in phrases:
        for token in tokens_of(phrase):
            entry = lexicon.longest([token], 0)
            if token.is_word and (entry is None or entry[1].kind not in FUNCTION_KINDS):
                words[token.word] += 1
    return words


def read_all(reader: PromptReader, prompts: Sequence[FreePrompt]) -> list[Read]:
    reader.read("unknownword")  # opens the lexicon and the encoder
    reads: list[Read] = []
    for prompt in prompts:
        start = time.process_time()
        reading = reader.read(prompt.text)
        reads.append(Read(prompt, reading, time.process_time() - start))
    return reads


def score_of(reads: Sequence[Read], slot: str) -> Score:
    if slot == IGNORED:
        pairs = [(content_words(read.reading.ignored), content_words(read.prompt.ignored)) for read in reads]
    else:
        pairs = [(_one(read.reading.attributes, slot), _one(read.prompt.said, slot)) for read in reads]
    right = sum((actual & expected).total() for actual, expected in pairs)
    return Score(right, sum(actual.total() for actual, _ in pairs), sum(expected.total() for _, expected in pairs))


def all_slots(reads: Sequence[Read]) -> Score:
    scores = [score_of(reads, slot) for slot in NAMES]
    return Score(*(sum(getattr(score, name) for score in scores) for name in ("right", "read", "expected")))


def table_of(reads: Sequence[Read]) -> Table:
    """Precision, recall and how often each slot is expected, for both languages and each."""
    parts = {"all": reads} | {
        language: [read for read in reads if read.prompt.language == language] for language in ("en", "ru")
    }
    heads = [f"{part} {what}" for part in parts for what in ("precision", "recall", "n")]
    table = Table("figure", *(Column(head, justify="right") for head in heads))
    for slot in NAMES:
        table.add_row(slot, *(cell for part in parts.values() for cell in _cells(score_of(part, slot))))
    table.add_section()
    table.add_row("all slots", *(cell for part in parts.values() for cell in _cells(all_slots(part))))
    table.add_row(IGNORED, *(cell for part in parts.values() for cell in _cells(score_of(part, IGNORED))))
    table.add_section()
    exact = {
        "attributes exact": [[read.attributes_right for read in part] for part in parts.values()],
        "ignored exact": [[read.ignored_right for read in part] for part in parts.values()],
        "both exact": [[read.attributes_right and read.ignored_right for read in part] for part in parts.values()],
    }
    for name, columns in exact.items():
        cells = [(f"{sum(right) / len(right):.2f}" if right else "-", "", str(len(right))) for right in columns]
        table.add_row(name, *(cell for three in cells for cell in three))
    return table


def _one(attributes: Attributes, slot: str) -> Counter[str]:
    return Counter([attributes[slot]] if slot in attributes else [])


def _cells(score: Score) -> tuple[str, str, str]:
    shares = ("-" if share is None else f"{share:.2f}" for share in (score.precision, score.recall))
    return (*shares, str(score.expected))  # type: ignore[return-value]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=Path, default=PROMPTS, help="a list in the form of free_prompts.toml")
    parser.add_argument("--errors", action="store_true", help="print each prompt that is not read as expected")
    arguments = parser.parse_args()
    reads = read_all(PromptReader(), prompts_of(arguments.prompts))
    console = Console(width=140)
    console.print(table_of(reads))
    seconds = [read.seconds for read in reads]
    console.print(
        f"processor time: longest prompt {max(seconds) * 1000:.0f} ms, mean {sum(seconds) / len(seconds) * 1000:.0f} ms"
    )
    if arguments.errors:
        for read in (read for read in reads if not (read.attributes_right and read.ignored_right)):
            expected, read_as = read.prompt.said.items(), read.reading.attributes.items()
            console.print(f"\n{read.prompt.text}", markup=False, highlight=False)
            console.print(f"  missed {dict(expected - read_as)}, not said {dict(read_as - expected)}", markup=False)
            console.print(f"  ignored {read.reading.ignored}, expected {read.prompt.ignored}", markup=False)


if __name__ == "__main__":
    main()
