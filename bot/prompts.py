"""Converts a user's message to the prompt, without invisible characters, and its seed, or gives the reason for the
refusal."""

from __future__ import annotations

import re
import unicodedata

from bot.errors import PromptEmpty, PromptIsCommand, PromptTooLong, PromptWordless, SeedTooLarge
from engine.contract import PROMPT_MAX_CHARS

_DIRECTION_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Direction controls, which would reverse the text around them, also in our answers; right-to-left writing does not
need them."""
_JOINERS = frozenset("\u200c\u200d\u200e\u200f")
_SEED = re.compile(r"(?<!\w)(?:--|—)?(?:seed|сид)\s?[:=]?\s?(\d+)(?!\w)", re.IGNORECASE)
"""A seed as in captions ("seed 123") and as in other bots ("--seed 123"; phones replace two hyphens by a dash)."""
SEED_END = 2**63
"""Seeds are below it (engine.contract)."""


def clean(text: str) -> str:
    """One line of visible text, a seed included.

    Raises PromptRefused: PromptEmpty, PromptIsCommand, PromptWordless, PromptTooLong or SeedTooLarge.
    """
    prompt = one_line(text)
    if not any(not character.isspace() and character not in _JOINERS for character in prompt):
        raise PromptEmpty
    if prompt.lstrip("".join(_JOINERS) + " ").startswith("/"):
        raise PromptIsCommand
    described, _ = split_seed(prompt)
    if not any(character.isalpha() for character in described):
        raise PromptWordless
    if len(prompt) > PROMPT_MAX_CHARS:
        raise PromptTooLong(length=len(prompt), limit=PROMPT_MAX_CHARS)
    return prompt


def one_line(text: str) -> str:
    """The visible characters, with single spaces between words."""
    return " ".join("".join(_visible(character) for character in text).split())


def split_seed(prompt: str) -> tuple[str, int | None]:
    """The prompt without "seed 123", and that seed; the last one where there are several. Raises SeedTooLarge."""
    seeds = [match.group(1) for match in _SEED.finditer(prompt)]
    if not seeds:
        return prompt, None
    if len(seeds[-1]) > len(str(SEED_END)) or int(seeds[-1]) >= SEED_END:
        raise SeedTooLarge(limit=str(SEED_END - 1))
    return " ".join(_SEED.sub(" ", prompt).split()).strip(" ,;·"), int(seeds[-1])


def _visible(character: str) -> str:
    if character.isspace():
        return " "
    if character in _JOINERS:
        return character
    hidden = unicodedata.category(character) in ("Cc", "Cs", "Co", "Cn", "Cf") or character in _DIRECTION_OVERRIDES
    return "" if hidden else character
