"""The caption under a finished picture. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol
from uuid import UUID

from bot.domain import Likeness, clothes_of, likeness_of
from bot.styles import Styles
from bot.telegram.quotes import cut, quoted
from bot.translator import Markup, Texts
from engine.contract import Clothes

PROMPT_MAX = 700
IGNORED_MAX = 120
"""The largest length of a prompt in a caption, in UTF-16 units: with style, seed and marking, a caption stays below
Telegram's 1024."""


class Drawn(Protocol):
    """The fields of a job that the caption of its picture shows."""

    @property
    def style(self) -> str: ...
    @property
    def prompt(self) -> str: ...
    @property
    def ignored_words(self) -> str | None: ...
    @property
    def settings(self) -> Mapping[str, object]: ...
    @property
    def pose(self) -> str | None: ...
    @property
    def pose_skipped(self) -> bool: ...
    @property
    def image_prompt_id(self) -> UUID | None: ...
    @property
    def image_prompt_skipped(self) -> bool: ...
    @property
    def companion_id(self) -> UUID | None: ...
    @property
    def seed(self) -> int: ...


def caption(drawn: Drawn, texts: Texts, styles: Styles, *, seeds: str | None = None) -> Markup:
    """The caption: style and other choices, prompt, seed, and the statement that a model made the picture. `seeds`: the
    seeds of the pictures of an album."""
    settings = styles.settings(drawn.style, drawn.settings)
    likeness, clothes = likeness_of(settings), clothes_of(settings)
    manner = [styles[drawn.style].label(texts.language)]
    if drawn.companion_id is not None:
        manner.append(texts("picture-companion"))
    if likeness != Likeness.BALANCED:
        manner.append(texts("picture-likeness", likeness=texts(f"likeness-{likeness}")))
    if clothes == Clothes.CHANGE:
        manner.append(texts("picture-clothes"))
    if drawn.pose_skipped:
        manner.append(texts("picture-pose-skipped"))
    elif drawn.pose is not None:
        manner.append(texts("picture-pose", pose=texts(f"pose-{drawn.pose}")))
    if drawn.image_prompt_id is not None:
        skipped = drawn.image_prompt_skipped
        manner.append(texts("picture-image-prompt-skipped" if skipped else "picture-image-prompt"))
    text = texts(
        "picture-caption",
        style=" · ".join(manner),
        prompt=quoted(texts, drawn.prompt, PROMPT_MAX),
        seed=seeds or str(drawn.seed),
    )
    return text if drawn.ignored_words is None else Markup(f"{text}\n{ignored(drawn.ignored_words, texts)}")


def ignored(phrases: str, texts: Texts) -> Markup:
    """The ignored phrases with direction isolates, as in `quoted`: their writing direction may differ from that of the
    sentence."""
    return texts("status-ignored", phrases=f"\u2068{cut(phrases, IGNORED_MAX)}\u2069")
