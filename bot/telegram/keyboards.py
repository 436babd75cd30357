"""The inline buttons under the bot's messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup

from bot.credits import Pack
from bot.domain import CONSENT_VERSION, LANGUAGES, POSE_PHOTO, Likeness, OtherPersonChoice, ReportReason
from bot.styles import Styles
from bot.telegram.callbacks import (
    AspectAction,
    AspectCallback,
    BuyCallback,
    ClothesCallback,
    ConsentCallback,
    GalleryCallback,
    JobAction,
    JobCallback,
    LanguageCallback,
    LikenessCallback,
    OtherPersonCallback,
    PersonCallback,
    PoseAction,
    PoseCallback,
    PresetCallback,
    PrivacyAction,
    PrivacyCallback,
    ReferenceAction,
    ReferenceCallback,
    ReportCallback,
    SettingsAction,
    SettingsCallback,
    StyleCallback,
)
from bot.telegram.image_prompt_buttons import image_prompt_button
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


def picture(texts: Texts, job_id: UUID, *, favourite: bool) -> InlineKeyboardMarkup:
    """Under a finished picture; `more` has the other buttons."""
    keys = {
        JobAction.AGAIN: "job-again-button",
        JobAction.VARIATIONS: "job-variations-button",
        JobAction.REUSE_PROMPT: "job-reuse-button",
        JobAction.OTHER_STYLE: "job-style-button",
        JobAction.NO_FAVOURITE if favourite else JobAction.FAVOURITE: (
            "job-loved-button" if favourite else "job-favourite-button"
        ),
        JobAction.MORE: "job-more-button",
    }
    return _job_buttons(texts, job_id, keys)


def more(
    texts: Texts, job_id: UUID, likeness: Likeness, clothes: Clothes, *, image_prompts: bool = False
) -> InlineKeyboardMarkup:
    """The second page under a picture; `likeness` and `clothes` are those it was drawn with: the others are offered.
    `image_prompts`: its style can be taken for other pictures."""
    face, dressed = likeness != Likeness.FACE, clothes == Clothes.CHANGE
    keys = {
        JobAction.MORE_FACE if face else JobAction.MORE_BODY: "job-face-button" if face else "job-body-button",
        JobAction.OWN_CLOTHES if dressed else JobAction.OTHER_CLOTHES: (
            "job-own-clothes-button" if dressed else "job-other-clothes-button"
        ),
        **({JobAction.TAKE_STYLE: "image-prompt-take-button"} if image_prompts else {}),
        JobAction.FILE: "job-file-button",
        JobAction.REPORT: "job-report-button",
        JobAction.ASK_DELETE: "job-delete-button",
        JobAction.BACK: "back-button",
    }
    return _job_buttons(texts, job_id, keys)


def album(texts: Texts, job_ids: Iterable[UUID]) -> InlineKeyboardMarkup:
    """Below an album: each number opens its picture."""
    numbers = [
        _button(texts("album-number-button", number=number), JobCallback(action=JobAction.OPEN, job_id=job_id))
        for number, job_id in enumerate(job_ids, 1)
    ]
    return _rows([numbers])


def confirm_delete(texts: Texts, job_id: UUID) -> InlineKeyboardMarkup:
    return _job_buttons(texts, job_id, {JobAction.DELETE: "job-confirm-delete-button", JobAction.MORE: "back-button"})


def report(texts: Texts, job_id: UUID) -> InlineKeyboardMarkup:
    """The reasons for a report, one per row, since they are long."""
    reasons = [
        [_button(texts(f"report-{reason}-button"), ReportCallback(reason=reason, job_id=job_id))]
        for reason in ReportReason
    ]
    return _rows([*reasons, [_button(texts("back-button"), JobCallback(action=JobAction.MORE, job_id=job_id))]])


def gallery(
    texts: Texts, job_id: UUID, *, favourites: bool, newer: UUID | None, older: UUID | None
) -> InlineKeyboardMarkup:
    """Under a page of the gallery."""
    turns = [
        _button(texts(key), GalleryCallback(favourites=favourites, job_id=target))
        for key, target in (("gallery-newer-button", newer), ("gallery-older-button", older))
        if target is not None
    ]
    opening = _button(texts("gallery-open-button"), JobCallback(action=JobAction.OPEN, job_id=job_id))
    return _rows([*([turns] if turns else []), [opening]])


def _job_buttons(texts: Texts, job_id: UUID, keys: Mapping[JobAction, str]) -> InlineKeyboardMarkup:
    """Two in a row."""
    buttons = [_button(texts(key), JobCallback(action=action, job_id=job_id)) for action, key in keys.items()]
    return _rows([buttons[start : start + 2] for start in range(0, len(buttons), 2)])


def retry(
    texts: Texts,
    job_id: UUID,
    *,
    again: bool = True,
    free_pose: bool = False,
    without_image_prompt: bool = False,
    appeal: bool = False,
) -> InlineKeyboardMarkup:
    """Under a failure or a cancellation: the same picture once more, or in a free pose, or without its image prompt, or
    another prompt; under a refusal also an appeal."""
    offers = [
        (again, "job-retry-button", JobAction.AGAIN),
        (free_pose, "job-free-pose-button", JobAction.FREE_POSE),
        (without_image_prompt, "job-no-image-prompt-button", JobAction.NO_IMAGE_PROMPT),
        (True, "job-reuse-button", JobAction.REUSE_PROMPT),
    ]
    rows = [
        [_button(texts(key), JobCallback(action=action, job_id=job_id)) for offered, key, action in offers if offered]
    ]
    if appeal:
        rows.append([_button(texts("appeal-button"), JobCallback(action=JobAction.APPEAL, job_id=job_id))])
    return _rows(rows)


def confirm_appeal(texts: Texts, job_id: UUID) -> InlineKeyboardMarkup:
    return _job_buttons(
        texts, job_id, {JobAction.SEND_APPEAL: "appeal-send-button", JobAction.REUSE_PROMPT: "job-reuse-button"}
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
    """Under the settings screen, what is chosen ticked; aspects, poses and the image prompt where workers can draw
    them."""
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
    if preferences.poses_drawn:
        rows.append([poses_button(texts)])
    if preferences.image_prompt.offered:
        rows.append([image_prompt_button(texts)])
    return _rows(rows)


def _aspect_button(texts: Texts, aspect: Aspect, chosen: Aspect) -> InlineKeyboardButton:
    name = aspect.name.lower()
    return _button(_ticked(texts(f"aspect-{name}-button"), aspect == chosen), AspectCallback(action=AspectAction(name)))


def poses_button(texts: Texts) -> InlineKeyboardButton:
    return _button(texts("pose-choose-button"), SettingsCallback(action=SettingsAction.POSES))


def to_poses(texts: Texts) -> InlineKeyboardMarkup:
    """Under the answer to a pose photo."""
    return _rows([[poses_button(texts)]])


def poses(texts: Texts, chosen: str | None, *, pinned: bool, has_photo: bool) -> InlineKeyboardMarkup:
    """The grid of poses, the chosen one ticked; it can be pinned. A stored photo can be replaced and deleted."""
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
    if chosen is not None:
        pin = _button(texts("pose-pin-button"), PoseCallback(action=PoseAction.PIN))
        unpin = _button(texts("pose-unpin-button"), PoseCallback(action=PoseAction.UNPIN))
        rows.append([unpin if pinned else pin])
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


def other_person(texts: Texts, reference_id: UUID) -> InlineKeyboardMarkup:
    """Under the question about photos that show another person than the earlier ones."""
    return _rows(
        [
            [
                _button(
                    texts(f"other-person-{choice}-button"),
                    OtherPersonCallback(reference_id=reference_id, choice=choice),
                )
            ]
            for choice in OtherPersonChoice
        ]
    )


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


def packs(texts: Texts, offers: Iterable[Pack]) -> InlineKeyboardMarkup:
    """One row per pack on sale."""

    def button(pack: Pack) -> InlineKeyboardButton:
        label = texts("buy-pack-button", credits=texts("credits-count", credits=pack.credits))
        return _button(label, BuyCallback(credits=pack.credits, stars=pack.stars))

    return _rows([[button(pack)] for pack in offers])


Data = (
    AspectCallback
    | BuyCallback
    | ClothesCallback
    | ConsentCallback
    | GalleryCallback
    | JobCallback
    | LanguageCallback
    | LikenessCallback
    | PoseCallback
    | PresetCallback
    | OtherPersonCallback
    | PersonCallback
    | PrivacyCallback
    | ReferenceCallback
    | ReportCallback
    | SettingsCallback
    | StyleCallback
)


def _ticked(label: str, chosen: bool) -> str:
    return f"✅ {label}" if chosen else label


def _button(text: str, data: Data) -> InlineKeyboardButton:
    return InlineKeyboardButton(text=text, callback_data=data.pack())


def _rows(rows: Iterable[list[InlineKeyboardButton]]) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup(inline_keyboard=list(rows))
