"""/v1/options: styles, poses, aspects and limits, and the terms that end users have to agree to."""

from __future__ import annotations

import html

from fastapi import APIRouter

from bot.api.access import Reader
from bot.api.schemas import OptionsView, StyleView, Terms
from bot.api.services import Services
from bot.domain import CONSENT_VERSION, LANGUAGES
from bot.usecases.app_jobs import PICTURES_MAX
from engine.contract import PROMPT_MAX_CHARS, REFERENCES_MAX, PosePreset

router = APIRouter(prefix="/v1/options", tags=["options"])


@router.get("")
async def read_options(_client: Reader, services: Services) -> OptionsView:
    """Styles, poses, aspects and image prompts that workers can draw now, limits, and the terms."""
    drawable = await services.read_drawable()
    terms = {language: html.unescape(services.translator("consent-terms", language)) for language in LANGUAGES}
    return OptionsView(
        styles=[StyleView(name=style.name, title=style.title) for style in services.styles.presets],
        poses=list(PosePreset) if drawable.poses else [],
        aspects=list(drawable.aspects),
        image_prompts=drawable.image_prompts,
        pictures_max=PICTURES_MAX,
        references_max=REFERENCES_MAX,
        prompt_max_chars=PROMPT_MAX_CHARS,
        terms=Terms(version=CONSENT_VERSION, text=terms),
        pictures_kept_days=services.pictures_kept_days,
    )
