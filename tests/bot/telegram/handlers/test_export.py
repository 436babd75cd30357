"""/export: a zip with all that is stored about one user, and about no other."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from sqlalchemy import update

from bot.db.tables import Job, User
from bot.domain import CONSENT_VERSION, JobState
from bot.usecases import export as archives
from bot.usecases.export import ExportData


async def _export(chat: Any, person: Any) -> tuple[zipfile.ZipFile, dict[str, Any]]:
    await person.send_text("/export")
    sent = await person.wait_for(lambda message: message.document is not None)
    assert sent.document.name.endswith(".zip")
    archive = zipfile.ZipFile(io.BytesIO(await person.download(sent)))
    return archive, json.loads(archive.read("data.json"))


async def test_the_archive_has_photos_pictures_prompts_and_consents(chat: Any, says: Any, jpeg: Any) -> None:
    await chat.ready(chat.anna)
    await chat.grant_pose_photo(chat.anna)
    await chat.anna.send_text("в лесу")
    job = await chat.job()
    async with chat.sessions.begin() as session:
        values = {"state": JobState.DELIVERED, "result": b"\x89PNG picture"}
        await session.execute(update(Job).where(Job.id == job.id).values(**values))
    archive, data = await _export(chat, chat.anna)
    (photo,) = data["reference_photos"]
    (stored,) = await chat.use.list_photos(chat.anna.user_id)
    assert archive.read(photo["image"]) == stored.image and photo["image"].endswith(".jpg")
    assert archive.read(data["pose_photos"][0]["image"]).startswith(b"\xff\xd8")
    assert [row["prompt"] for row in data["jobs"]] == ["в лесу"]
    assert archive.read(data["jobs"][0]["result"]) == b"\x89PNG picture"
    assert [(row["version"], row["language"]) for row in data["consents"]] == [(CONSENT_VERSION, "ru")]
    assert data["users"][0]["id"] == chat.anna.user_id
    readme = archive.read("README.txt").decode()
    assert all(words in readme for words in ("data.json", "базы данных", "исходные файлы картинок"))


async def test_it_works_before_any_consent_and_holds_nobody_elses_data(chat: Any, says: Any) -> None:
    await chat.grant(chat.anna, photos=2)
    await chat.anna.send_text("в лесу")
    await chat.job()
    archive, data = await _export(chat, chat.ben)
    assert data.keys() == {"users"} and [row["id"] for row in data["users"]] == [chat.ben.user_id]
    assert str(chat.anna.user_id) not in json.dumps(data)
    assert sorted(archive.namelist()) == ["README.txt", "data.json"]


async def test_consents_are_kept_as_a_history(chat: Any, says: Any) -> None:
    await chat.consent(chat.ben)
    async with chat.sessions.begin() as session:
        await session.execute(update(User).where(User.id == chat.ben.user_id).values(consent_version=0))
    await chat.use.give_consent(chat.ben.user_id, CONSENT_VERSION)
    await chat.use.give_consent(chat.ben.user_id, CONSENT_VERSION)
    _, data = await _export(chat, chat.ben)
    assert [row["version"] for row in data["consents"]] == [CONSENT_VERSION, CONSENT_VERSION]


async def test_what_is_too_much_for_one_file_comes_in_parts(chat: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await chat.grant(chat.ben, photos=3)
    monkeypatch.setattr(archives, "PART_MAX_BYTES", 3_000)
    parts = await ExportData(chat.sessions)(chat.ben.user_id, "read me")
    names = [name for part in parts for name in zipfile.ZipFile(io.BytesIO(part.content)).namelist()]
    assert len(parts) > 1 and len({part.name for part in parts}) == len(parts)
    assert len([name for name in names if name.startswith("reference_photos/")]) == 3
    assert names.count("data.json") == 1


async def test_privacy_names_the_copy(chat: Any, says: Any) -> None:
    await chat.ben.send_text("/privacy")
    await chat.ben.wait_for(says("/export"))
