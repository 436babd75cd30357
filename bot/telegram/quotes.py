"""Users' prompts quoted in the bot's sentences. Pure."""

from __future__ import annotations

from bot.translator import Markup, Texts


def quoted(texts: Texts, prompt: str, max_units: int) -> Markup:
    """The prompt on one line, in the language's quotation marks, cut to `max_units` UTF-16 units. It is isolated, so
    that a right-to-left prompt does not reorder the text around it."""
    return Markup(f"\u2068{texts('quoted-prompt', prompt=cut(' '.join(prompt.split()), max_units))}\u2069")


def cut(text: str, max_units: int) -> str:
    """`text`, or its beginning and an ellipsis, in at most `max_units` UTF-16 units; never half a character."""
    units = text.encode("utf-16-le")
    if len(units) <= 2 * max_units:
        return text
    return units[: 2 * (max_units - 1)].decode("utf-16-le", errors="ignore") + "…"
