"""The inline buttons under the bot's messages."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup

from bot.db.usage import BUCKETS
from bot.domain import CONSENT_VERSION, LANGUAGES, POSE_PHOTO, Likeness
from bot.styles import Styles
from bot.telegram.callbacks import (
    AdminCallback,
    AspectAction,
    AspectCallback,
    ClothesCallback,
    ConsentCallback,
    JobAction,
    JobCallback,
    LanguageCallback,
    LikenessCallback,
    PersonCallback,
    PoseAction,
    PoseCallback,
    PresetCallback,
    PrivacyAction,
    PrivacyCallback,
    ReferenceAction,
    ReferenceCallback,
    SettingsAction,
    SettingsCallback,
    StyleCallback,
)
from bot.translator import Texts
from bot.usecases.preferences import Preferences
from engine.contract import Aspect, Clothes, PosePreset

STYLE_COLUMNS = 2
POSE_COLUMNS = 2
PEOPLE_COLUMNS = 5


def consent(texts: Texts) -> InlineKeyboardMarkup:
    return _rows([[_button(texts("consent-button"), ConsentCallback(version=CONSENT_VERSION))]])


def cancel(texts: Texts, job_id: UUID) -> InlineKeyboardMarkup:
    """Under a status message, until the picture is there."""
    return _rows([[_button(texts("job-cancel-button"), JobCallback(action=JobAction.CANCEL, job_id=job_id))]])


def picture(texts: Texts, job_id: UUID, likeness: Likeness, clothes: Clothes) -> InlineKeyboardMarkup:
    """Under a finished picture; `likeness` and `clothes` are those it was drawn with: the others are offered."""

    def button(key: str, action: JobAction) -> InlineKeyboardButton:
        return _button(texts(key), JobCallback(action=action, job_id=job_id))

    more_of = (
        button("job-body-button", JobAction.MORE_BODY)
        if likeness == Likeness.FACE
        else button("job-face-button", JobAction.MORE_FACE)
    )
    dressed = (
        button("job-own-clothes-button", JobAction.OWN_CLOTHES)
        if clothes == Clothes.CHANGE
        else button("job-other-clothes-button", JobAction.OTHER_CLOTHES)
    )
    return _rows(
        [
            [
                button("job-again-button", JobAction.AGAIN),
                button("job-style-button", JobAction.OTHER_STYLE),
            ],
            [more_of, dressed],
            [button("job-reuse-button", JobAction.REUSE_PROMPT)],
        ]
    )


def retry(texts: Texts, job_id: UUID, *, again: bool = True, free_pose: bool = False) -> InlineKeyboardMarkup:
    """Under a failure or a cancellation: the same picture once more, or in a free pose, or another prompt."""
    offers = [
        (again, "job-retry-button", JobAction.AGAIN),
        (free_pose, "job-free-pose-button", JobAction.FREE_POSE),
        (True, "job-reuse-button", JobAction.REUSE_PROMPT),
    ]
    return _rows(
        [[_button(texts(key), JobCallback(action=action, job_id=job_id)) for offered, key, action in offers if offered]]
    )


def styles(texts: Texts, presets: Styles, chosen: str | None, job_id: UUID | None = None) -> InlineKeyboardMarkup:
    """The grid of styles, the chosen one ticked, and the way to the other settings; with `job_id`, for that job's
    picture and with a way back."""
    buttons = [
        _button(
            _ticked(style.label(texts.language), style.name == chosen), StyleCallback(name=style.name, job_id=job_id)
        )
        for style in presets.presets
    ]
    rows = [buttons[start : start + STYLE_COLUMNS] for start in range(0, len(buttons), STYLE_COLUMNS)]
    if job_id is not None:
        rows.append([_button(texts("back-button"), JobCallback(action=JobAction.BACK, job_id=job_id))])
    else:
        rows.append([_button(texts("settings-button"), SettingsCallback(action=SettingsAction.OPEN))])
    return _rows(rows)


def settings(texts: Texts, preferences: Preferences) -> InlineKeyboardMarkup:
    """Under the settings screen, what is chosen ticked; aspects and poses where a worker can draw them."""
    likeness, clothes = preferences.likeness, preferences.clothes
    rows = [
        [
            _button(_ticked(texts(f"likeness-{each}-button"), each == likeness), LikenessCallback(likeness=each))
            for each in Likeness
        ],
        [
            _button(_ticked(texts(f"clothes-{each}-button"), each == clothes), ClothesCallback(clothes=each))
            for each in Clothes
        ],
    ]
    if len(preferences.aspects_drawn) > 1:
        rows.append([_aspect_button(texts, each, preferences.aspect) for each in preferences.aspects_drawn])
    return _rows([*rows, [poses_button(texts)]] if preferences.poses_drawn else rows)


def _aspect_button(texts: Texts, aspect: Aspect, chosen: Aspect) -> InlineKeyboardButton:
    name = aspect.name.lower()
    return _button(_ticked(texts(f"aspect-{name}-button"), aspect == chosen), AspectCallback(action=AspectAction(name)))


def poses_button(texts: Texts) -> InlineKeyboardButton:
    return _button(texts("pose-choose-button"), SettingsCallback(action=SettingsAction.POSES))


def to_poses(texts: Texts) -> InlineKeyboardMarkup:
    """Under the answer to a pose photo."""
    return _rows([[poses_button(texts)]])


def poses(texts: Texts, chosen: str | None, *, has_photo: bool) -> InlineKeyboardMarkup:
    """The grid of poses, the chosen one ticked; a stored photo can be replaced and deleted."""
    presets = [
        _button(_ticked(texts(f"pose-{preset}-button"), preset == chosen), PresetCallback(preset=preset))
        for preset in PosePreset
    ]
    rows = [presets[start : start + POSE_COLUMNS] for start in range(0, len(presets), POSE_COLUMNS)]
    rows.append(
        [
            _button(_ticked(texts("pose-free-button"), chosen is None), PoseCallback(action=PoseAction.FREE)),
            _button(_ticked(texts("pose-photo-button"), chosen == POSE_PHOTO), PoseCallback(action=PoseAction.PHOTO)),
        ]
    )
    if has_photo:
        rows.append(
            [
                _button(texts("pose-another-button"), PoseCallback(action=PoseAction.ANOTHER_PHOTO)),
                _button(texts("pose-delete-button"), PoseCallback(action=PoseAction.DELETE_PHOTO)),
            ]
        )
    rows.append([_button(texts("back-button"), SettingsCallback(action=SettingsAction.SHOW))])
    return _rows(rows)


def back_to_poses(texts: Texts) -> InlineKeyboardMarkup:
    """Under the question for a photo of a pose."""
    return _rows([[_button(texts("back-button"), PoseCallback(action=PoseAction.BACK))]])


def reference(texts: Texts, reference_id: UUID) -> InlineKeyboardMarkup:
    """Under one stored photo."""
    return _rows(
        [
            [
                _button(
                    texts("photo-delete-button"),
                    ReferenceCallback(action=ReferenceAction.DELETE, reference_id=reference_id),
                )
            ]
        ]
    )


def people(texts: Texts, reference_id: UUID, count: int) -> InlineKeyboardMarkup:
    """Under a photo with `count` numbered people."""
    numbers = [
        _button(str(number), PersonCallback(reference_id=reference_id, number=number)) for number in range(1, count + 1)
    ]
    rows = [numbers[at : at + PEOPLE_COLUMNS] for at in range(0, count, PEOPLE_COLUMNS)]
    nobody = _button(texts("photo-choose-nobody-button"), PersonCallback(reference_id=reference_id, number=0))
    return _rows([*rows, [nobody]])


def references(texts: Texts) -> InlineKeyboardMarkup:
    """Under the summary of the stored photos."""
    return _rows(
        [
            [
                _button(texts("photo-add-button"), ReferenceCallback(action=ReferenceAction.ADD)),
                _button(texts("photo-done-button"), ReferenceCallback(action=ReferenceAction.DONE)),
            ]
        ]
    )


def languages(texts: Texts) -> InlineKeyboardMarkup:
    names = [_button(texts.translator("language-name", code), LanguageCallback(language=code)) for code in LANGUAGES]
    return _rows([names])


def privacy(texts: Texts) -> InlineKeyboardMarkup:
    return _rows([[_button(texts("privacy-ask-button"), PrivacyCallback(action=PrivacyAction.ASK_DELETE))]])


def privacy_confirm(texts: Texts) -> InlineKeyboardMarkup:
    return _rows(
        [
            [_button(texts("privacy-delete-button"), PrivacyCallback(action=PrivacyAction.DELETE))],
            [_button(texts("privacy-keep-button"), PrivacyCallback(action=PrivacyAction.KEEP))],
        ]
    )


def usage(texts: Texts, chosen_days: int) -> InlineKeyboardMarkup:
    return _rows(
        [
            [
                _button(
                    ("• " if days == chosen_days else "") + texts("admin-days-button", days=days),
                    AdminCallback(days=days),
                )
                for days in BUCKETS
            ]
        ]
    )


Data = (
    AdminCallback
    | AspectCallback
    | ClothesCallback
    | ConsentCallback
    | JobCallback
    | LanguageCallback
    | LikenessCallback
    | PoseCallback
    | PresetCallback
    | PersonCallback
    | PrivacyCallback
    | ReferenceCallback
    | SettingsCallback
    | StyleCallback
)


def _ticked(label: str, chosen: bool) -> str:
    return f"✅ {label}" if chosen else label


def _button(text: str, data: Data) -> InlineKeyboardButton:
    return InlineKeyboardButton(text=text, callback_data=data.pack())


def _rows(rows: Iterable[list[InlineKeyboardButton]]) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup(inline_keyboard=list(rows))
