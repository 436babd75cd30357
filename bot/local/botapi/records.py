"""The records of the local Bot API: people, chats, messages, files, updates. Every record survives a restart."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue

FileCategory = Literal["photos", "documents", "thumbnails"]
MediaKind = Literal["photo", "document"]
JsonObject = dict[str, JsonValue]


class Record(BaseModel):
    """Immutable; a change is a copy."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class User(Record):
    id: int
    first_name: str
    username: str
    language_code: str
    is_admin: bool = False
    is_bot: bool = False


class Chat(Record):
    """A private chat has its person's id; a group has a negative id, as on Telegram."""

    id: int
    kind: Literal["private", "group"]
    title: str
    member_ids: tuple[int, ...]
    started: bool = False
    """The person wrote first, so the bot may write."""
    blocked: bool = False


class Entity(Record):
    """A formatted stretch of text; offset and length in UTF-16 code units."""

    type: str
    offset: int
    length: int
    url: str | None = None
    language: str | None = None


class StoredFile(Record):
    unique_id: str
    category: FileCategory
    path: str
    """Relative to the files folder; also Telegram's file_path."""
    size: int
    mime_type: str
    name: str = ""
    width: int = 0
    height: int = 0


class Media(Record):
    """A photo in all its sizes, smallest first, or one document with an optional thumbnail."""

    kind: MediaKind
    files: tuple[StoredFile, ...]
    thumbnail: StoredFile | None = None

    @property
    def main(self) -> StoredFile:
        """The document, or the largest size of the photo."""
        return self.files[-1]


class Button(Record):
    text: str
    callback_data: str | None = None
    url: str | None = None
    copy_text: str | None = None
    pay: bool = False


Keyboard = tuple[tuple[Button, ...], ...]


class Invoice(Record):
    """A message that asks for a payment; `payload` is the bot's own and is not shown."""

    title: str
    description: str
    payload: str
    currency: str
    total_amount: int
    start_parameter: str = ""


class Payment(Record):
    """A service message about a payment, or about one that went back (`refunded`)."""

    charge_id: str
    payload: str
    currency: str
    total_amount: int
    refunded: bool = False


class Version(Record):
    """The content of a message before an edit."""

    at: float
    text: str
    has_media: bool


class Message(Record):
    """`text` is the caption where there is media. Times are Unix seconds."""

    id: int
    chat_id: int
    sender_id: int
    sent_at: float
    edited_at: float | None = None
    text: str = ""
    entities: tuple[Entity, ...] = ()
    media: Media | None = None
    media_group_id: str | None = None
    invoice: Invoice | None = None
    payment: Payment | None = None
    keyboard: Keyboard = ()
    force_reply: bool = False
    """The person's client opens the field for a reply to it."""
    protected: bool = False
    """`protect_content`: it cannot be forwarded, and a client does not let its text be copied."""
    reply_to: int | None = None
    forwarded_from: int | None = None
    forwarded_at: float | None = None
    history: tuple[Version, ...] = ()
    edit_count: int = 0
    deleted: bool = False
    seq: int
    """Grows with every change in any chat; the person's side asks for what came after one."""


class Update(Record):
    """The updates that getUpdates hands out until an offset confirms them."""

    id: int
    type: str
    body: JsonObject


class BotCommand(Record):
    command: str
    description: str


class WebhookTarget(Record):
    """The address that updates are posted to, in place of getUpdates."""

    url: str
    secret_token: str = ""
    max_connections: int = 40


class MenuButton(Record):
    """The button beside the text box, which opens a Mini App."""

    text: str
    url: str


class BotProfile(Record):
    """The values set by setMyCommands, setMyDescription and similar methods; keys are `scope|language` or a
    language."""

    commands: dict[str, tuple[BotCommand, ...]] = {}
    names: dict[str, str] = {}
    descriptions: dict[str, str] = {}
    short_descriptions: dict[str, str] = {}
    menu_button: MenuButton | None = None
    """The menu button of all private chats; `None` for the one that shows the commands."""
    allowed_updates: tuple[str, ...] | None = None
    webhook: WebhookTarget | None = None


class Counters(Record):
    """The last number given out of each kind."""

    message: int = 0
    update: int = 0
    file: int = 0
    seq: int = 0
