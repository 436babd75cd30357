"""The styles of styles.toml, and their application to a prompt."""

from __future__ import annotations

import tomllib
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from engine.contract import PROMPT_MAX_CHARS, STYLE_NAME_PATTERN, GenerateRequest
from engine.errors import StyleError

STYLES_FILE: Final = Path(__file__).with_name("styles.toml")
PLACEHOLDER: Final = "{prompt}"

DrawnBy = Literal["words", "filters"]
"""How a backbone draws looks: from the template's words, or by a filter on the picture."""


class Kind(StrEnum):
    """LOOK: the manner of the picture. PLACE: where the person is."""

    LOOK = "look"
    PLACE = "place"


class Style(BaseModel):
    """One style of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=STYLE_NAME_PATTERN)
    kind: Kind
    template: str = Field(max_length=PROMPT_MAX_CHARS)
    negative_prompt: str = ""
    affirmation: str = ""
    """The negative prompt as a positive statement, for models without negative prompts."""

    @field_validator("template")
    @classmethod
    def _has_one_placeholder(cls, template: str) -> str:
        if template.count(PLACEHOLDER) != 1:
            raise ValueError(f"expected {PLACEHOLDER} once in the template, got {template!r}: mend it in styles.toml")
        return template

    def is_filter(self, drawn_by: DrawnBy) -> bool:
        """Whether the style is a filter on the picture; the prompt is unchanged then. Otherwise `apply` changes the
        prompt."""
        return self.kind is Kind.LOOK and drawn_by == "filters"

    def affirmed(self) -> Style:
        """The style for a model that does not read negative prompts."""
        if not self.affirmation:
            return self
        return self.model_copy(update={"template": f"{self.template}, {self.affirmation}"})

    def apply(self, prompt: str, negative_prompt: str, first: bool = False) -> tuple[str, str]:
        """The prompt and the negative prompt with the style. first: the style's words come before the prompt, where a
        text encoder weighs them most and a long prompt does not cut them off."""
        kept_out = ", ".join(part for part in (negative_prompt, self.negative_prompt) if part)
        before, after = self.template.split(PLACEHOLDER)
        if not first:
            return f"{before}{prompt}{after}", kept_out
        words = ", ".join(part for part in (before.strip(" ,"), after.strip(" ,")) if part)
        return f"{words}, {prompt}" if words else prompt, kept_out


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    style: list[Style]


def load_styles(path: Path = STYLES_FILE) -> dict[str, Style]:
    """The styles by name, in the order of the file. Raises pydantic's ValidationError or ValueError, which name the
    fault."""
    styles = _File.model_validate(tomllib.loads(path.read_text("utf-8-sig"))).style
    by_name = {style.name: style for style in styles}
    if len(by_name) != len(styles):
        raise ValueError(f"expected unique style names, got {[style.name for style in styles]}: mend {path.name}")
    return by_name


@cache
def shipped_styles() -> dict[str, Style]:
    return load_styles()


def find_style(name: str | None) -> Style | None:
    """The style of this name; None where no style is asked for. Raises StyleError for a name that styles.toml lacks."""
    if name is None:
        return None
    style = shipped_styles().get(name)
    if style is None:
        raise StyleError(f"expected a style out of {', '.join(shipped_styles())}, got {name!r}")
    return style


def requested_style(request: GenerateRequest) -> Style | None:
    """The style of a request: the operator's own, which every backbone draws by words, or one of the file. Raises
    StyleError."""
    if request.style_template is None:
        return find_style(request.style)
    try:
        return Style(name="own", kind=Kind.PLACE, template=request.style_template)
    except ValidationError as error:
        raise StyleError(f"expected {PLACEHOLDER} once in the template, got {request.style_template!r}") from error
