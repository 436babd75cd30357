"""The files Telegram keeps: photos in sizes, documents byte for byte, and the file_ids the bot knows them by."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import mimetypes
import secrets
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath

from bot.local.botapi.photos import SIDES_MAX_PX, encode_photo, encode_thumbnail
from bot.local.botapi.records import FileCategory, Media, StoredFile
from bot.local.botapi.storage import Storage

FILE_ID_PREFIXES: dict[FileCategory, str] = {
    "photos": "AgACAgIAAx",
    "documents": "BQACAgIAAx",
    "thumbnails": "AAMCAgADGQ",
}
IMAGE_TYPES = {".webp": "image/webp", ".heic": "image/heic", ".heif": "image/heif", ".avif": "image/avif"}
NAME_MAX = 120


class Library:
    """`file_id` is stable for a bot's token, `unique_id` the same for everyone. `next_number` numbers the paths."""

    def __init__(self, storage: Storage, token: str, media: Iterable[Media], next_number: Callable[[], int]) -> None:
        self._storage = storage
        self._token = token.encode()
        self._next_number = next_number
        self._files: dict[str, StoredFile] = {}
        self._by_file_id: dict[str, tuple[StoredFile, Media]] = {}
        self._by_path: dict[str, StoredFile] = {}
        for item in media:
            self._index(item)

    def file_id(self, file: StoredFile) -> str:
        digest = hmac.digest(self._token, file.unique_id.encode(), hashlib.sha256)
        return FILE_ID_PREFIXES[file.category] + base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def by_file_id(self, file_id: str) -> tuple[StoredFile, Media] | None:
        return self._by_file_id.get(file_id)

    def by_unique_id(self, unique_id: str) -> StoredFile | None:
        return self._files.get(unique_id)

    def by_path(self, path: str) -> StoredFile | None:
        return self._by_path.get(path)

    async def read(self, file: StoredFile) -> bytes:
        return await asyncio.to_thread(self._storage.file(file.path).read_bytes)

    async def add_photo(self, content: bytes, *, sides_max_px: int | None = SIDES_MAX_PX) -> Media:
        """Re-encodes; raises PhotoRefused."""
        sizes = await asyncio.to_thread(encode_photo, content, sides_max_px=sides_max_px)
        files = [
            await self._store("photos", size.jpeg, "image/jpeg", ".jpg", width=size.width, height=size.height)
            for size in sizes
        ]
        return self._keep(Media(kind="photo", files=tuple(files)))

    async def add_document(self, content: bytes, name: str) -> Media:
        """Keeps the bytes as they are; images get a thumbnail."""
        file_name = clean_name(name)
        suffix = PurePosixPath(file_name).suffix
        mime_type = (
            IMAGE_TYPES.get(suffix.lower())
            or mimetypes.guess_type(file_name, strict=False)[0]
            or "application/octet-stream"
        )
        preview = await asyncio.to_thread(encode_thumbnail, content)
        thumbnail = None
        if preview:
            thumbnail = await self._store(
                "thumbnails", preview.jpeg, "image/jpeg", ".jpg", width=preview.width, height=preview.height
            )
        safe_suffix = suffix if suffix[1:].isascii() and suffix[1:].isalnum() else ""
        file = await self._store("documents", content, mime_type, safe_suffix, name=file_name)
        return self._keep(Media(kind="document", files=(file,), thumbnail=thumbnail))

    async def _store(
        self,
        category: FileCategory,
        content: bytes,
        mime_type: str,
        suffix: str,
        *,
        name: str = "",
        width: int = 0,
        height: int = 0,
    ) -> StoredFile:
        file = StoredFile(
            unique_id="AQAD" + secrets.token_urlsafe(12),
            category=category,
            path=f"{category}/file_{self._next_number()}{suffix}",
            size=len(content),
            mime_type=mime_type,
            name=name,
            width=width,
            height=height,
        )
        await asyncio.to_thread(self._storage.file(file.path).write_bytes, content)
        return file

    def _keep(self, media: Media) -> Media:
        self._storage.put(media.main.unique_id, media)
        self._index(media)
        return media

    def _index(self, media: Media) -> None:
        for file in (*media.files, *([media.thumbnail] if media.thumbnail else [])):
            self._files[file.unique_id] = file
            self._by_file_id[self.file_id(file)] = (file, media)
            self._by_path[file.path] = file


def clean_name(name: str) -> str:
    """A file name without folders and control characters."""
    base = name.replace("\\", "/").rsplit("/", 1)[-1]
    printable = "".join(character for character in base if character.isprintable()).strip()
    if len(printable) > NAME_MAX:
        suffix = PurePosixPath(printable).suffix[:12]
        printable = printable[: NAME_MAX - len(suffix)] + suffix
    return printable or "file"
