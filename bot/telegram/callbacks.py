"""The data behind every inline button. Each packs into Telegram's 64 bytes (held by a test)."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from aiogram.filters.callback_data import CallbackData

from bot.domain import Likeness, OtherPersonChoice, ReportReason
from engine.contract import Clothes, PosePreset


class JobAction(StrEnum):
    CANCEL = "cancel"
    AGAIN = "again"
    OTHER_STYLE = "style"
    BACK = "back"
    REUSE_PROMPT = "reuse"
    MORE_FACE = "face"
    MORE_BODY = "body"
    OTHER_CLOTHES = "clothes"
    OWN_CLOTHES = "own"
    FREE_POSE = "free"
    TAKE_STYLE = "take"
    NO_IMAGE_PROMPT = "plain"
    ALONE = "alone"
    VARIATIONS = "vary"
    MORE = "more"
    FILE = "file"
    FAVOURITE = "fav"
    NO_FAVOURITE = "unfav"
    REPORT = "report"
    ASK_DELETE = "ask"
    DELETE = "delete"
    OPEN = "open"
    APPEAL = "appeal"
    SEND_APPEAL = "send"


class JobCallback(CallbackData, prefix="job"):
    """A button under a status message or a picture."""

    action: JobAction
    job_id: UUID


class ReportCallback(CallbackData, prefix="report"):
    reason: ReportReason
    job_id: UUID


class GalleryCallback(CallbackData, prefix="gallery"):
    """Shows the page of a job in the gallery or among the favourites."""

    favourites: bool
    job_id: UUID


class ConsentCallback(CallbackData, prefix="consent"):
    version: int


class LanguageCallback(CallbackData, prefix="lang"):
    language: str


class StyleCallback(CallbackData, prefix="style"):
    """Picks a style; with `job_id`, draws that job's prompt again in it."""

    name: str
    job_id: UUID | None = None


class StylePageCallback(CallbackData, prefix="styles"):
    """Turns to a page of styles, counted from 0; `job_id` as in StyleCallback."""

    page: int
    job_id: UUID | None = None


class SettingsAction(StrEnum):
    """OPEN and STYLES send the settings or the styles as a new message; SHOW and POSES edit the message into the
    settings or the screen of poses."""

    OPEN = "open"
    STYLES = "styles"
    SHOW = "show"
    POSES = "poses"


class SettingsCallback(CallbackData, prefix="settings"):
    action: SettingsAction


class LikenessCallback(CallbackData, prefix="likeness"):
    likeness: Likeness


class ClothesCallback(CallbackData, prefix="clothes"):
    clothes: Clothes


class AspectAction(StrEnum):
    """The values of engine.contract.Aspect, without the colon, which separates the fields of callback data."""

    SQUARE = "square"
    PORTRAIT = "portrait"
    LANDSCAPE = "landscape"
    TALL = "tall"


class AspectCallback(CallbackData, prefix="aspect"):
    action: AspectAction


class PresetCallback(CallbackData, prefix="preset"):
    preset: PosePreset


class PosePageCallback(CallbackData, prefix="poses"):
    """Turns to a page of presets, counted from 0."""

    page: int


class PoseAction(StrEnum):
    """LIST sends the presets as a new message."""

    LIST = "list"
    FREE = "free"
    PHOTO = "photo"
    ANOTHER_PHOTO = "another"
    DELETE_PHOTO = "delete"
    PIN = "pin"
    UNPIN = "unpin"
    BACK = "back"


class PoseCallback(CallbackData, prefix="pose"):
    """A pose that is no preset."""

    action: PoseAction


class PeopleAction(StrEnum):
    OPEN = "open"
    NEW = "new"
    CHOOSE = "choose"
    TOGETHER = "together"
    ALONE = "alone"
    PHOTOS = "photos"
    RENAME = "rename"
    ASK_DELETE = "ask"
    DELETE = "delete"
    BACK = "back"


class PeopleCallback(CallbackData, prefix="people"):
    """A button of /people; all but NEW name a person."""

    action: PeopleAction
    person_id: UUID | None = None


class ImagePromptAction(StrEnum):
    """SHOW and BACK open the screen in place (two, so that one right after the other is no double tap); ASK asks for
    another; TAKE_PHOTO takes the photo that the message replies to."""

    SHOW = "show"
    TAKE_PHOTO = "take"
    CHOOSE = "choose"
    NONE = "none"
    ASK = "ask"
    DELETE = "delete"
    PIN = "pin"
    UNPIN = "unpin"
    BACK = "back"


class ImagePromptCallback(CallbackData, prefix="image"):
    action: ImagePromptAction


class ReferenceAction(StrEnum):
    DELETE = "delete"
    COVER = "cover"
    ADD = "add"
    DONE = "done"


class ReferenceCallback(CallbackData, prefix="ref"):
    action: ReferenceAction
    reference_id: UUID | None = None


class PersonCallback(CallbackData, prefix="person"):
    """Chooses one of several people on a photo, numbered from 1; 0 is none of them."""

    reference_id: UUID
    number: int


class OtherPersonCallback(CallbackData, prefix="other"):
    """Decides about a photo that shows another person than the earlier ones."""

    reference_id: UUID
    choice: OtherPersonChoice


class PrivacyAction(StrEnum):
    ASK_DELETE = "ask"
    DELETE = "delete"
    KEEP = "keep"


class PrivacyCallback(CallbackData, prefix="privacy"):
    action: PrivacyAction


class BuyCallback(CallbackData, prefix="buy"):
    """Asks for the invoice of a pack, at the price that the button was sent with."""

    credits: int
    stars: int
