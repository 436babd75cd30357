"""Records as the Bot API writes them. https://core.telegram.org/bots/api#available-types"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.local.botapi.records import (
    Button,
    Chat,
    Entity,
    Invoice,
    JsonObject,
    Media,
    Message,
    Payment,
    StoredFile,
    User,
)

if TYPE_CHECKING:
    from bot.local.botapi.world import World


class Wire:
    """Looks up the records that another one refers to: senders, chats, replies, file_ids."""

    def __init__(self, world: World) -> None:
        self._world = world

    def user(self, user: User) -> JsonObject:
        wired: JsonObject = {
            "id": user.id,
            "is_bot": user.is_bot,
            "first_name": user.first_name,
            "username": user.username,
        }
        if user.language_code:
            wired["language_code"] = user.language_code
        return wired

    def chat(self, chat: Chat) -> JsonObject:
        if chat.kind == "group":
            return {"id": chat.id, "type": "group", "title": chat.title, "all_members_are_administrators": True}
        person = self._world.users[chat.id]
        return {"id": chat.id, "type": "private", "first_name": person.first_name, "username": person.username}

    def message(self, message: Message, *, with_reply: bool = True) -> JsonObject:
        wired: JsonObject = {
            "message_id": message.id,
            "from": self.user(self._world.user_or_bot(message.sender_id)),
            "chat": self.chat(self._world.chats[message.chat_id]),
            "date": int(message.sent_at),
        }
        if message.edited_at is not None:
            wired["edit_date"] = int(message.edited_at)
        if message.media_group_id:
            wired["media_group_id"] = message.media_group_id
        if message.protected:
            wired["has_protected_content"] = True
        if message.forwarded_from is not None:
            wired["forward_origin"] = {
                "type": "user",
                "sender_user": self.user(self._world.user_or_bot(message.forwarded_from)),
                "date": int(message.forwarded_at or message.sent_at),
            }
        replied = self._world.message(message.chat_id, message.reply_to) if message.reply_to and with_reply else None
        if replied:
            wired["reply_to_message"] = self.message(replied, with_reply=False)
        self._add_content(wired, message)
        if message.keyboard:
            wired["reply_markup"] = {"inline_keyboard": [[self.button(b) for b in row] for row in message.keyboard]}
        return wired

    def _add_content(self, wired: JsonObject, message: Message) -> None:
        if message.media:
            wired |= self.media(message.media)
        if message.invoice:
            wired["invoice"] = self.invoice(message.invoice)
        if message.payment:
            wired["refunded_payment" if message.payment.refunded else "successful_payment"] = self.payment(
                message.payment
            )
        text_key, entities_key = ("caption", "caption_entities") if message.media else ("text", "entities")
        if message.text:
            wired[text_key] = message.text
        if message.entities:
            wired[entities_key] = [self.entity(entity) for entity in message.entities]

    def media(self, media: Media) -> JsonObject:
        if media.kind == "photo":
            return {"photo": [self.photo_size(file) for file in media.files]}
        document = self.file(media.main) | {"file_name": media.main.name, "mime_type": media.main.mime_type}
        if media.thumbnail:
            document["thumbnail"] = self.photo_size(media.thumbnail)
        return {"document": document}

    def invoice(self, invoice: Invoice) -> JsonObject:
        return invoice.model_dump(exclude={"payload"})

    def payment(self, payment: Payment) -> JsonObject:
        wired: JsonObject = {
            "currency": payment.currency,
            "total_amount": payment.total_amount,
            "invoice_payload": payment.payload,
            "telegram_payment_charge_id": payment.charge_id,
        }
        return wired if payment.refunded else wired | {"provider_payment_charge_id": ""}

    def file(self, file: StoredFile) -> JsonObject:
        return {
            "file_id": self._world.library.file_id(file),
            "file_unique_id": file.unique_id,
            "file_size": file.size,
        }

    def photo_size(self, file: StoredFile) -> JsonObject:
        return self.file(file) | {"width": file.width, "height": file.height}

    def entity(self, entity: Entity) -> JsonObject:
        return entity.model_dump(exclude_none=True)

    def button(self, button: Button) -> JsonObject:
        wired: JsonObject = button.model_dump(exclude_none=True, exclude={"copy_text", "pay"})
        if button.pay:
            wired["pay"] = True
        if button.copy_text:
            wired["copy_text"] = {"text": button.copy_text}
        return wired
