"""Formatted text: Telegram's HTML parse mode, explicit entities, and what Telegram finds by itself (commands, links).

https://core.telegram.org/bots/api#formatting-options
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import JsonValue

from bot.local.botapi.errors import BadRequest
from bot.local.botapi.records import Entity

TAG_TYPES = {
    "b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "ins": "underline",
    "s": "strikethrough", "strike": "strikethrough", "del": "strikethrough", "code": "code", "pre": "pre",
    "a": "text_link", "span": "spoiler", "tg-spoiler": "spoiler", "blockquote": "blockquote",
}  # fmt: skip
PLAIN_TYPES = frozenset({*TAG_TYPES.values(), "bot_command", "url", "mention", "hashtag", "email"})
LINK_SCHEMES = frozenset({"http", "https", "tg"})
CHARACTER_NAMES = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}

_REFERENCE = re.compile(r"&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|([a-z]+));?")
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)?((?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>")
_ATTRIBUTE = re.compile(r"([a-zA-Z-]+)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+)))?")
_FOUND = re.compile(
    r"(?P<url>https?://[^\s<>\"]+)|(?<!\S)(?P<bot_command>/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?)(?![\w/])"
)


@dataclass(frozen=True)
class FormattedText:
    text: str
    entities: tuple[Entity, ...] = ()


def utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def checked_link(url: str) -> str | None:
    """The link as Telegram would keep it, or None where it would drop it (javascript:, no host)."""
    candidate = url.strip()
    if not re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:", candidate):
        candidate = f"http://{candidate}"
    try:
        parts = urlsplit(candidate)
    except ValueError:
        return None
    return candidate if parts.scheme.lower() in LINK_SCHEMES and parts.netloc else None


def format_text(text: str, parse_mode: str, explicit: JsonValue = None) -> FormattedText:
    """Markup to text and entities, trimmed at both ends. Raises BadRequest in Telegram's words."""
    mode = parse_mode.lower()
    if mode == "html":
        formatted = _HtmlReader(text).read()
    elif mode in ("", "none"):
        formatted = FormattedText(text, _explicit_entities(explicit))
    else:
        raise BadRequest("unsupported parse_mode")
    trimmed = _trim(formatted)
    return FormattedText(trimmed.text, _with_found(trimmed))


def plain_text(text: str) -> FormattedText:
    """A person's own message: no markup, but commands and links are found."""
    return format_text(text, "")


def _explicit_entities(entities: JsonValue) -> tuple[Entity, ...]:
    if not isinstance(entities, list):
        return ()
    return tuple(valid for entity in entities if (valid := _explicit_entity(entity)))


def _explicit_entity(entity: JsonValue) -> Entity | None:
    """None for kinds that this server does not show."""
    match entity:
        case {"type": "text_link", "offset": int(offset), "length": int(length), "url": str(url)}:
            link = checked_link(url)
            return Entity(type="text_link", offset=offset, length=length, url=link) if link else None
        case {"type": str(kind), "offset": int(offset), "length": int(length), **rest}:
            language = rest.get("language")
            if kind not in PLAIN_TYPES or kind == "text_link":
                return None
            return Entity(
                type=kind, offset=offset, length=length, language=language if isinstance(language, str) else None
            )
        case _:
            raise BadRequest("can't parse MessageEntity: expected an Object with type, offset and length")


def _trim(formatted: FormattedText) -> FormattedText:
    text = formatted.text.rstrip()
    cut = utf16_length(text) - utf16_length(text.lstrip())
    text = text.lstrip()
    end = utf16_length(text)
    moved = []
    for entity in formatted.entities:
        start = max(entity.offset - cut, 0)
        stop = min(entity.offset - cut + entity.length, end)
        if stop > start:
            moved.append(entity.model_copy(update={"offset": start, "length": stop - start}))
    return FormattedText(text, tuple(sorted(moved, key=lambda entity: (entity.offset, -entity.length))))


def _with_found(formatted: FormattedText) -> tuple[Entity, ...]:
    opaque = [
        entity for entity in formatted.entities if entity.type in ("code", "pre", "text_link", "bot_command", "url")
    ]
    found = []
    for match in _FOUND.finditer(formatted.text):
        word = match.group().rstrip(".,;:!?)")
        offset, length = utf16_length(formatted.text[: match.start()]), utf16_length(word)
        if all(offset + length <= other.offset or offset >= other.offset + other.length for other in opaque):
            found.append(Entity(type=match.lastgroup or "url", offset=offset, length=length))
    return tuple(sorted((*formatted.entities, *found), key=lambda entity: (entity.offset, -entity.length)))


@dataclass
class _OpenTag:
    name: str
    entity_type: str
    offset: int
    url: str | None
    language: str | None


class _HtmlReader:
    """One pass over Telegram's HTML subset; errors carry byte offsets, as Telegram's do."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._text: list[str] = []
        self._length = 0
        self._open: list[_OpenTag] = []
        self._entities: list[Entity] = []

    def read(self) -> FormattedText:
        position = 0
        while position < len(self._source):
            character = self._source[position]
            if character == "<":
                position = self._read_tag(position)
            elif character == "&" and (match := _REFERENCE.match(self._source, position)):
                self._add(_decoded(match))
                position = match.end()
            else:
                self._add(character)
                position += 1
        if self._open:
            raise BadRequest(
                f"can't parse entities: Can't find end tag corresponding to start tag \"{self._open[-1].name}\""
            )
        return FormattedText("".join(self._text), tuple(self._entities))

    def _add(self, text: str) -> None:
        self._text.append(text)
        self._length += utf16_length(text)

    def _read_tag(self, position: int) -> int:
        match = _TAG.match(self._source, position)
        if match is None:
            raise self._failure("Unclosed start tag", position)
        slash, name, attributes = match.group(1), (match.group(2) or "").lower(), match.group(3)
        if slash:
            self._close_tag(name, position)
        else:
            self._open_tag(name, attributes, position)
        return match.end()

    def _open_tag(self, name: str, attributes: str, position: int) -> None:
        if name not in TAG_TYPES:
            raise self._failure(f'Unsupported start tag "{name}"', position)
        values = {key.lower(): a or b or c for key, a, b, c in _ATTRIBUTE.findall(attributes)}
        if name == "span" and values.get("class") != "tg-spoiler":
            raise self._failure('Tag "span" must have class "tg-spoiler"', position)
        language = None
        if name == "code" and values.get("class", "").startswith("language-"):
            language = values["class"].removeprefix("language-")
        url = _REFERENCE.sub(_decoded, values.get("href", "")) if name == "a" else None
        self._open.append(_OpenTag(name, TAG_TYPES[name], self._length, url, language))

    def _close_tag(self, name: str, position: int) -> None:
        if not self._open:
            raise self._failure("Unexpected end tag", position)
        tag = self._open.pop()
        if name not in ("", tag.name):
            expected = f'expected "</{tag.name}>", found "</{name}>"'
            raise self._failure("Unmatched end tag", position, f", {expected}")
        length = self._length - tag.offset
        if not length:
            return
        url = None
        if tag.entity_type == "text_link":
            url = checked_link(tag.url or self._tail(tag.offset))
            if url is None:
                return
        if tag.language and self._open and self._open[-1].name == "pre":
            self._open[-1].language = tag.language
            return
        self._entities.append(
            Entity(type=tag.entity_type, offset=tag.offset, length=length, url=url, language=tag.language)
        )

    def _tail(self, offset: int) -> str:
        return "".join(self._text).encode("utf-16-le")[offset * 2 :].decode("utf-16-le")

    def _failure(self, what: str, position: int, more: str = "") -> BadRequest:
        offset = len(self._source[:position].encode())
        return BadRequest(f"can't parse entities: {what} at byte offset {offset}{more}")


def _decoded(match: re.Match[str]) -> str:
    decimal, hexadecimal, name = match.groups()
    if name:
        return CHARACTER_NAMES.get(name, match.group())
    code = int(decimal) if decimal else int(hexadecimal, 16)
    return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else match.group()
