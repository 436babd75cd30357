"""The text about a prompt that waited for a photo. Pure."""

from __future__ import annotations

from bot.styles import Styles
from bot.translator import Markup, Texts
from bot.usecases.drafts import DrawnDraft, WaitingDraft


def draft_text(texts: Texts, styles: Styles, draft: DrawnDraft | WaitingDraft) -> Markup:
    if isinstance(draft, WaitingDraft):
        return texts("draft-waits-photo" if draft.refused else "draft-waits-verdict", prompt=draft.prompt)
    if draft.barred is not None:
        return texts("draft-barred", reason=texts(draft.barred.key, **draft.barred.variables), prompt=draft.prompt)
    if not draft.submitted and draft.limit is not None:
        return texts("draft-refused", limit=draft.limit, prompt=draft.prompt)
    if not draft.submitted:
        return texts("draft-no-credits", prompt=draft.prompt)
    return texts("draft-drawn", prompt=draft.prompt, style=styles[draft.style].label(texts.language))
