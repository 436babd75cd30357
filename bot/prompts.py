"""A user's message -> the prompt, without invisible characters; or the reason why there is none."""

from __future__ import annotations

import unicodedata

from bot.errors import PromptEmpty, PromptIsCommand, PromptTooLong, PromptWordless
from engine.contract import PROMPT_MAX_CHARS

_DIRECTION_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the text around them, our own answers included; right-to-left writing needs none of them."""
_JOINERS = frozenset("\u200c\u200d\u200e\u200f")


def clean(text: str) -> str:
    """One line of visible text. Raises PromptRefused: PromptEmpty, PromptIsCommand, PromptWordless or PromptTooLong."""
    prompt = " ".join("".join(_visible(character) for character in text).split())
    if not any(not character.isspace() and character not in _JOINERS for character in prompt):
        raise PromptEmpty
    if prompt.lstrip("".join(_JOINERS) + " ").startswith("/"):
        raise PromptIsCommand
    if not any(character.isalpha() for character in prompt):
        raise PromptWordless
    if len(prompt) > PROMPT_MAX_CHARS:
        raise PromptTooLong(length=len(prompt), limit=PROMPT_MAX_CHARS)
    return prompt


def _visible(character: str) -> str:
    if character.isspace():
        return " "
    if character in _JOINERS:
        return character
    hidden = unicodedata.category(character) in ("Cc", "Cs", "Co", "Cn", "Cf") or character in _DIRECTION_OVERRIDES
    return "" if hidden else character
