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
    PosePageCallback,
    PresetCallback,
    PrivacyAction,
    PrivacyCallback,
    ReferenceAction,
    ReferenceCallback,
    ReportCallback,
    SettingsAction,
    SettingsCallback,
    StyleCallback,
    StylePageCallback,
)
from bot.telegram.image_prompt_buttons import image_prompt_button
from bot.telegram.preset_pages import PresetPage
from bot.translator import Texts
from bot.usecases.preferences import Preferences
from engine.contract import Aspect, Clothes, PosePreset

PRESET_COLUMNS = 2
PEOPLE_COLUMNS = 5


def consent(texts: Texts) -> InlineKeyboardMarkup:
    return _rows([[_button(texts("consent-button"), ConsentCallback(version=CONSENT_VERSION))]])


def cancel(texts: Texts, job_id: UUID) -> InlineKeyboardMarkup:
    """The button below a status message, until the picture is finished."""
    return _rows([[_button(texts("job-cancel-button"), JobCallback(action=JobAction.CANCEL, job_id=job_id))]])


def picture(texts: Texts, job_id: UUID, *, favourite: bool) -> InlineKeyboardMarkup:
    """The buttons below a finished picture; `more` has the others."""
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
    """The second page of buttons below a picture. `likeness` and `clothes` are those that it was drawn with; the other
    values are offered. `image_prompts`: whether its style can be taken for other pictures."""
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
    """The buttons below an album: each number opens its picture."""
    numbers = [
        _button(texts("album-number-button", number=number), JobCallback(action=JobAction.OPEN, job_id=job_id))
        for number, job_id in enumerate(job_ids, 1)
    ]
    return _rows([numbers])


def confirm_delete(texts: Texts, job_id: UUID) -> InlineKeyboardMarkup:
    return _job_buttons(texts, job_id, {JobAction.DELETE: "job-confirm-delete-button", JobAction.MORE: "back-button"})


def report(texts: Texts, job_id: UUID) -> InlineKeyboardMarkup:
    """The reasons for a report, one per row, because they are long."""
    reasons = [
        [_button(texts(f"report-{reason}-button"), ReportCallback(reason=reason, job_id=job_id))]
        for reason in ReportReason
    ]
    return _rows([*reasons, [_button(texts("back-button"), JobCallback(action=JobAction.MORE, job_id=job_id))]])


def gallery(
    texts: Texts, job_id: UUID, *, favourites: bool, newer: UUID | None, older: UUID | None
) -> InlineKeyboardMarkup:
    """The buttons below a page of the gallery."""
    turns = [
        _button(texts(key), GalleryCallback(favourites=favourites, job_id=target))
        for key, target in (("gallery-newer-button", newer), ("gallery-older-button", older))
        if target is not None
    ]
    opening = _button(texts("gallery-open-button"), JobCallback(action=JobAction.OPEN, job_id=job_id))
    return _rows([*([turns] if turns else []), [opening]])


def _job_buttons(texts: Texts, job_id: UUID, keys: Mapping[JobAction, str]) -> InlineKeyboardMarkup:
    """Buttons about a job, two per row."""
    buttons = [_button(texts(key), JobCallback(action=action, job_id=job_id)) for action, key in keys.items()]
    return _rows([buttons[start : start + 2] for start in range(0, len(buttons), 2)])


def retry(
    texts: Texts,
    job_id: UUID,
    *,
    again: bool = True,
    free_pose: bool = False,
    without_image_prompt: bool = False,
    alone: bool = False,
    appeal: bool = False,
) -> InlineKeyboardMarkup:
    """The buttons below a failure or a cancellation: the same picture again, in a free pose, without its image prompt
    or its second person, or another prompt; below a refusal also an appeal."""
    offers = [
        (again, "job-retry-button", JobAction.AGAIN),
        (free_pose, "job-free-pose-button", JobAction.FREE_POSE),
        (without_image_prompt, "job-no-image-prompt-button", JobAction.NO_IMAGE_PROMPT),
        (alone, "job-alone-button", JobAction.ALONE),
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


def next_step(texts: Texts) -> InlineKeyboardMarkup:
    """The buttons below the question for a prompt: the other settings of the picture."""
    styles_button = _button(texts("styles-button"), SettingsCallback(action=SettingsAction.STYLES))
    return _rows([[styles_button, _button(texts("settings-button"), SettingsCallback(action=SettingsAction.OPEN))]])


def styles(
    texts: Texts, presets: Styles, page: PresetPage, chosen: str | None, job_id: UUID | None = None
) -> InlineKeyboardMarkup:
    """The buttons below a contact sheet of styles, the chosen one ticked; with `job_id`, for that job's picture."""
    buttons = [
        _button(
            _ticked(f"{number} {presets[name].title[texts.language]}", name == chosen),
            StyleCallback(name=name, job_id=job_id),
        )
        for number, name in enumerate(page.names, page.first)
    ]
    before, after = (StylePageCallback(page=number, job_id=job_id) for number in (page.before, page.after))
    return _preset_rows(texts, page, buttons, before, after)


def pose_presets(texts: Texts, page: PresetPage, chosen: str | None) -> InlineKeyboardMarkup:
    """The buttons below a contact sheet of poses, the chosen one ticked."""
    buttons = [
        _button(
            _ticked(f"{number} {texts(f'pose-{name}-button')}", name == chosen), PresetCallback(preset=PosePreset(name))
        )
        for number, name in enumerate(page.names, page.first)
    ]
    before, after = (PosePageCallback(page=number) for number in (page.before, page.after))
    return _preset_rows(texts, page, buttons, before, after)


def _preset_rows(
    texts: Texts, page: PresetPage, buttons: list[InlineKeyboardButton], before: PageTurn, after: PageTurn
) -> InlineKeyboardMarkup:
    """Buttons in two columns, and a row that turns pages if there are several; of two pages, each has one button to the
    other."""
    rows = [buttons[start : start + PRESET_COLUMNS] for start in range(0, len(buttons), PRESET_COLUMNS)]
    if page.pages > 1:
        turns = [("page-before-button", before), ("page-after-button", after)]
        if page.before == page.after:
            turns = turns[:1] if page.number else turns[1:]
        rows.append([_button(texts(key, page=target.page + 1, pages=page.pages), target) for key, target in turns])
    return _rows(rows)


def settings(texts: Texts, preferences: Preferences) -> InlineKeyboardMarkup:
    """The buttons of the settings, chosen values ticked; aspects, poses and the image prompt only where workers can
    draw them."""
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
    """The button below the answer to a pose photo."""
    return _rows([[poses_button(texts)]])


def poses(texts: Texts, chosen: str | None, *, pinned: bool, has_photo: bool) -> InlineKeyboardMarkup:
    """The buttons of the screen of poses, the chosen one ticked; a pose can be pinned, a stored photo replaced or
    deleted."""
    in_use = chosen == POSE_PHOTO and has_photo
    photo_key = "pose-another-button" if in_use else "pose-photo-button"
    photo_action = PoseAction.ANOTHER_PHOTO if in_use else PoseAction.PHOTO
    rows = [
        [_button(texts("pose-list-button"), PoseCallback(action=PoseAction.LIST))],
        [
            _button(_ticked(texts("pose-free-button"), chosen is None), PoseCallback(action=PoseAction.FREE)),
            _button(_ticked(texts(photo_key), in_use), PoseCallback(action=photo_action)),
        ],
    ]
    extra = []
    if chosen is not None:
        pin = _button(texts("pose-pin-button"), PoseCallback(action=PoseAction.PIN))
        unpin = _button(texts("pose-unpin-button"), PoseCallback(action=PoseAction.UNPIN))
        extra.append(unpin if pinned else pin)
    if has_photo:
        extra.append(_button(texts("pose-delete-button"), PoseCallback(action=PoseAction.DELETE_PHOTO)))
    back = [_button(texts("back-button"), SettingsCallback(action=SettingsAction.SHOW))]
    return _rows([*rows, extra, back] if extra else [*rows, back])


def back_to_poses(texts: Texts) -> InlineKeyboardMarkup:
    """The button below the question for a pose photo."""
    return _rows([[_button(texts("back-button"), PoseCallback(action=PoseAction.BACK))]])


def reference(texts: Texts, reference_id: UUID) -> InlineKeyboardMarkup:
    """The button below one stored photo."""
    actions = ("photo-cover-button", ReferenceAction.COVER), ("photo-delete-button", ReferenceAction.DELETE)
    return _rows(
        [[_button(texts(key), ReferenceCallback(action=action, reference_id=reference_id)) for key, action in actions]]
    )


def people(texts: Texts, reference_id: UUID, count: int) -> InlineKeyboardMarkup:
    """The buttons below a photo with `count` numbered people."""
    numbers = [
        _button(str(number), PersonCallback(reference_id=reference_id, number=number)) for number in range(1, count + 1)
    ]
    rows = [numbers[at : at + PEOPLE_COLUMNS] for at in range(0, count, PEOPLE_COLUMNS)]
    nobody_button = _button(texts("photo-choose-nobody-button"), PersonCallback(reference_id=reference_id, number=0))
    return _rows([*rows, [nobody_button]])


def other_person(texts: Texts, reference_id: UUID) -> InlineKeyboardMarkup:
    """The buttons below the question about photos that show another person than the earlier ones."""
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
    """The buttons below the summary of the stored photos."""
    return _rows(
        [
            [
                _button(texts("photo-add-button"), ReferenceCallback(action=ReferenceAction.ADD)),
                _button(texts("photo-done-button"), ReferenceCallback(action=ReferenceAction.DONE)),
            ]
        ]
    )


def link(text: str, url: str) -> InlineKeyboardMarkup:
    return _rows([[InlineKeyboardButton(text=text, url=url)]])


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
    """The packs on sale, one per row."""

    def button(pack: Pack) -> InlineKeyboardButton:
        label = texts("buy-pack-button", credits=texts("credits-count", credits=pack.credits))
        return _button(label, BuyCallback(credits=pack.credits, stars=pack.stars))

    return _rows([[button(pack)] for pack in offers])


PageTurn = PosePageCallback | StylePageCallback
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
    | PosePageCallback
    | PresetCallback
    | OtherPersonCallback
    | PersonCallback
    | PrivacyCallback
    | ReferenceCallback
    | ReportCallback
    | SettingsCallback
    | StyleCallback
    | StylePageCallback
)


def _ticked(label: str, chosen: bool) -> str:
    return f"✅ {label}" if chosen else label


def _button(text: str, data: Data) -> InlineKeyboardButton:
    return InlineKeyboardButton(text=text, callback_data=data.pack())


def _rows(rows: Iterable[list[InlineKeyboardButton]]) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup(inline_keyboard=list(rows))
