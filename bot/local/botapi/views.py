"""The data of the person's side over HTTP: the server makes it, `Person` and the chat page read it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from bot.local.botapi.records import BotCommand, Entity, Invoice, Media, Message, Payment, StoredFile, User


class View(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PhotoView(View):
    """URLs are paths on the server."""

    url: str
    width: int
    height: int
    thumbnail_url: str


class DocumentView(View):
    name: str
    mime_type: str
    size: int
    url: str
    thumbnail_url: str | None = None


class ButtonView(View):
    text: str
    data: str | None = None
    url: str | None = None
    copy_text: str | None = None
    pay: bool = False


class InvoiceView(View):
    title: str
    description: str
    stars: int


class PaymentView(View):
    charge_id: str
    stars: int
    refunded: bool


class VersionView(View):
    at: float
    text: str
    has_media: bool


class ChatMessage(View):
    """One message as a person sees it now; `text` is the caption where there is media. Times are Unix seconds."""

    id: int
    chat_id: int
    seq: int
    sender_id: int
    sender_name: str
    from_bot: bool
    text: str
    entities: list[Entity] = []
    photo: PhotoView | None = None
    document: DocumentView | None = None
    invoice: InvoiceView | None = None
    payment: PaymentView | None = None
    media_group_id: str | None = None
    buttons: list[list[ButtonView]] = []
    sent_at: float
    edited_at: float | None = None
    edit_count: int = 0
    history: list[VersionView] = []
    reply_to: int | None = None
    force_reply: bool = False
    protected: bool = False
    forwarded_from: str | None = None
    deleted: bool = False

    @property
    def button_texts(self) -> list[str]:
        return [button.text for row in self.buttons for button in row]

    def button(self, text: str) -> ButtonView | None:
        """The button with this data or text, else the first whose text contains it."""
        buttons = [button for row in self.buttons for button in row]
        exact = [button for button in buttons if text in (button.data, button.text)]
        return next(iter(exact or [button for button in buttons if text in button.text]), None)


class ChatView(View):
    id: int
    kind: Literal["private", "group"]
    title: str
    member_ids: list[int]
    started: bool
    blocked: bool
    commands: list[BotCommand]
    about: str = ""
    """The bot's description in the person's language, which an empty chat shows."""
    last_message: ChatMessage | None = None


class UserView(View):
    id: int
    first_name: str
    username: str
    language_code: str
    is_admin: bool


class BotView(View):
    name: str
    username: str


class StateView(View):
    """Everything the chat page needs to draw its sidebar."""

    bot: BotView
    users: list[UserView]
    chats: list[ChatView]
    seq: int


class TranscriptView(View):
    messages: list[ChatMessage]
    seq: int


class SentView(View):
    """The messages an action made, and the sequence number just before it."""

    messages: list[ChatMessage]
    before: int


class PressAnswer(View):
    """The content of answerCallbackQuery; `answered` is False where the bot never did."""

    answered: bool
    text: str = ""
    show_alert: bool = False
    url: str = ""
    before: int = 0


class InlineAnswer(View):
    """The content of answerInlineQuery; `answered` is False where the bot never did. Photos by their file ids."""

    answered: bool
    photo_file_ids: list[str] = []
    result_ids: list[str] = []
    next_offset: str = ""
    is_personal: bool = False
    button: str = ""
    before: int = 0


class CheckoutAnswer(View):
    """The content of answerPreCheckoutQuery; `answered` is False where the bot never did. `charge_id` is of the payment
    that was made."""

    answered: bool
    ok: bool = False
    error_message: str = ""
    charge_id: str = ""
    before: int = 0


class CallView(View):
    """One call of the bot: `status` is the HTTP status, 0 where the connection was dropped."""

    method: str
    chat_id: int | None
    at: float
    status: int
    description: str = ""

    @property
    def ok(self) -> bool:
        return self.status == 200


def file_url(file: StoredFile) -> str:
    return f"/client/files/{file.unique_id}"


def view_message(message: Message, sender: User, forwarded_from: User | None) -> ChatMessage:
    return ChatMessage(
        id=message.id,
        chat_id=message.chat_id,
        seq=message.seq,
        sender_id=message.sender_id,
        sender_name=sender.first_name,
        from_bot=sender.is_bot,
        text=message.text,
        entities=list(message.entities),
        photo=_photo(message.media),
        document=_document(message.media),
        invoice=_invoice(message.invoice),
        payment=_payment(message.payment),
        media_group_id=message.media_group_id,
        buttons=[
            [ButtonView(text=b.text, data=b.callback_data, url=b.url, copy_text=b.copy_text, pay=b.pay) for b in row]
            for row in message.keyboard
        ],
        sent_at=message.sent_at,
        edited_at=message.edited_at,
        edit_count=message.edit_count,
        history=[VersionView(at=v.at, text=v.text, has_media=v.has_media) for v in message.history],
        reply_to=message.reply_to,
        force_reply=message.force_reply,
        protected=message.protected,
        forwarded_from=forwarded_from.first_name if forwarded_from else None,
        deleted=message.deleted,
    )


def _photo(media: Media | None) -> PhotoView | None:
    if media is None or media.kind != "photo":
        return None
    large = media.main
    return PhotoView(
        url=file_url(large), width=large.width, height=large.height, thumbnail_url=file_url(media.files[0])
    )


def _invoice(invoice: Invoice | None) -> InvoiceView | None:
    if invoice is None:
        return None
    return InvoiceView(title=invoice.title, description=invoice.description, stars=invoice.total_amount)


def _payment(payment: Payment | None) -> PaymentView | None:
    if payment is None:
        return None
    return PaymentView(charge_id=payment.charge_id, stars=payment.total_amount, refunded=payment.refunded)


def _document(media: Media | None) -> DocumentView | None:
    if media is None or media.kind != "document":
        return None
    file = media.main
    return DocumentView(
        name=file.name,
        mime_type=file.mime_type,
        size=file.size,
        url=file_url(file),
        thumbnail_url=file_url(media.thumbnail) if media.thumbnail else None,
    )
