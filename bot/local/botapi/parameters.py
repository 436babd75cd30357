"""The parameters of one Bot API call, whichever way they came: query, JSON, urlencoded or multipart form."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from aiohttp import web
from pydantic import JsonValue

from bot.local.botapi.errors import BadRequest
from bot.local.botapi.records import JsonObject

TRUE_WORDS = frozenset({"true", "yes", "1"})


@dataclass(frozen=True)
class Upload:
    name: str
    content: bytes


@dataclass(frozen=True)
class Parameters:
    """Typed access; a value of the wrong kind is a BadRequest, an absent one is the default."""

    values: JsonObject
    uploads: dict[str, Upload] = field(default_factory=dict)

    def text(self, name: str) -> str:
        value = self.values.get(name)
        if value is None:
            return ""
        if isinstance(value, (dict, list)):
            raise BadRequest(f'can\'t parse "{name}": expected a String')
        return _valid(value if isinstance(value, str) else json.dumps(value))

    def integer(self, name: str, default: int = 0) -> int:
        value = self.values.get(name)
        if value is None or value == "":
            return default
        try:
            return int(str(value))
        except ValueError as error:
            raise BadRequest(f'can\'t parse "{name}": expected an Integer') from error

    def flag(self, name: str) -> bool:
        return str(self.values.get(name, "")).lower() in TRUE_WORDS

    def tree(self, name: str) -> JsonValue:
        """A nested value, given as JSON or as JSON inside a form field; None where absent."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            parsed: JsonValue = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise BadRequest(f"can't parse {name} JSON object") from error
        _valid(value if "\\u" not in value else json.dumps(parsed, ensure_ascii=False))
        return parsed

    def items(self, name: str) -> list[JsonValue]:
        """A nested array; empty where absent."""
        value = self.tree(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise BadRequest(f'can\'t parse "{name}": expected an Array')
        return value


def _valid(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadRequest("strings must be encoded in UTF-8") from error
    return text


async def read_parameters(request: web.Request) -> Parameters:
    """Raises BadRequest on a malformed body and HTTPRequestEntityTooLarge on an oversized one."""
    values: JsonObject = dict(request.query)
    if request.method != "POST" or not request.body_exists:
        return Parameters(values)
    if request.content_type == "application/json":
        return Parameters(values | await _json_body(request))
    return await _form_body(request, values)


async def _json_body(request: web.Request) -> JsonObject:
    try:
        body = json.loads(await request.text())
    except (ValueError, LookupError, RecursionError) as error:
        raise BadRequest("can't parse JSON object") from error
    if not isinstance(body, dict):
        raise BadRequest("object expected as the request body")
    return body


async def _form_body(request: web.Request, values: JsonObject) -> Parameters:
    uploads: dict[str, Upload] = {}
    try:
        form = await request.post()
    except (ValueError, LookupError) as error:
        raise BadRequest("can't parse the request body") from error
    for name, value in form.items():
        if isinstance(value, str):
            values[name] = value
        elif isinstance(value, web.FileField):
            with value.file as opened:
                uploads[name] = Upload(value.filename, opened.read())
        else:
            values[name] = bytes(value).decode("utf-8", "replace")
    return Parameters(values, uploads)
