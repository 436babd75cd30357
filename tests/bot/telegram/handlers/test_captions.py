"""Prompts in captions, which are drawn with their photo or not at all; and captions that are commands."""

from __future__ import annotations

import pytest

from bot.domain import ReferenceState
from bot.telegram.callbacks import PoseAction, PoseCallback
from engine.contract import Verdict

COMMANDS = ("/start", "/help", "/photos", "/style", "/settings", "/imagine a man in a park", "/draw")


async def test_the_prompt_of_a_refused_photo_waits_although_another_photo_is_accepted(chat, says, jpeg):
    await chat.grant(chat.anna)
    chat.stage.verdicts[:] = [Verdict.SEVERAL_PEOPLE]
    await chat.anna.send_photo(jpeg(1), caption="моя бабушка в саду")
    answer = await chat.anna.wait_for(says("несколько человек"))
    assert chat.texts()("draft-waits-photo", prompt="моя бабушка в саду").split("<i>")[0] in answer.text
    await chat.settled()
    assert await chat.jobs() == []
    assert (await chat.user(chat.anna)).draft == "моя бабушка в саду"


async def test_the_prompt_of_a_file_that_is_no_picture_waits_too(chat, says):
    await chat.grant(chat.anna)
    await chat.anna.send_document(b"%PDF-1.7 hello", name="scan.pdf", caption="моя бабушка в саду")
    await chat.anna.wait_for(says("Это не фото", "Описание сохранено"))
    await chat.settled()
    assert await chat.jobs() == []


async def test_the_prompt_of_a_refused_photo_is_drawn_with_the_next_one(chat, says, jpeg):
    await chat.grant(chat.anna)
    chat.stage.verdicts[:] = [Verdict.TOO_DARK]
    await chat.anna.send_photo(jpeg(1), caption="в саду")
    await chat.anna.wait_for(says("слишком тёмное"))
    await chat.anna.send_photo(jpeg(2))
    await chat.anna.wait_for(says("✅", "Рисую по описанию", "в саду"))
    assert (await chat.job()).prompt == "в саду"
    assert (await chat.user(chat.anna)).draft is None


async def test_a_verdict_on_an_earlier_photo_does_not_draw_the_prompt_of_a_refused_one(chat, says, jpeg):
    await chat.grant(chat.anna)
    chat.stage.worker_looks = False
    await chat.anna.send_photo(jpeg(1))
    await chat.anna.wait_for(says("Проверяю"))
    await chat.anna.send_document(b"%PDF-1.7 hello", name="scan.pdf", caption="в саду")
    await chat.anna.wait_for(says("Это не фото"))
    chat.stage.worker_looks = True
    await chat.anna.wait_for(says("✅", "Описание сохранено"))
    await chat.settled()
    assert await chat.jobs() == []


async def test_a_prompt_waits_for_the_verdict_on_its_photo(chat, says, jpeg):
    await chat.grant(chat.anna)
    chat.stage.worker_looks = False
    await chat.anna.send_photo(jpeg(1), caption="в саду")
    await chat.anna.wait_for(says("Проверяю"))
    await chat.anna.send_document(b"%PDF-1.7 hello", name="scan.pdf")
    await chat.anna.wait_for(says("Это не фото", "Ещё проверяю"))
    assert await chat.jobs() == []
    chat.stage.worker_looks = True
    await chat.anna.wait_for(says("✅", "Рисую по описанию"))
    assert len((await chat.job()).reference_ids) == 2


async def test_a_later_prompt_does_not_replace_that_of_a_photo_under_examination(chat, says, jpeg):
    await chat.grant(chat.anna)
    chat.stage.worker_looks = False
    await chat.anna.send_photo(jpeg(1), caption="в саду")
    await chat.anna.wait_for(says("Проверяю"))
    await chat.anna.send_text("в горах")
    await chat.job()
    chat.stage.worker_looks = True
    await chat.anna.wait_for(says("✅", "Рисую по описанию", "в саду"))
    await chat.job(2)
    assert sorted(job.prompt for job in await chat.jobs()) == ["в горах", "в саду"]


async def test_an_album_with_one_good_photo_is_drawn_although_the_captioned_one_is_refused(chat, says, jpeg):
    await chat.grant(chat.anna)
    chat.stage.verdicts[:] = [Verdict.TOO_DARK, Verdict.ACCEPTED]
    await chat.anna.send_album([jpeg(1), jpeg(2)], caption="в саду")
    await chat.anna.wait_for(says("Ваш альбом", "Рисую по описанию"))
    assert len((await chat.job()).reference_ids) == 2


async def test_the_prompt_of_a_photo_that_is_kept_already_is_drawn(chat, says, jpeg):
    await chat.consent(chat.anna)
    await chat.anna.send_document(jpeg(3), name="a.jpg")
    await chat.anna.wait_for(says("✅"))
    await chat.anna.send_document(jpeg(3), name="b.jpg", caption="в саду")
    await chat.anna.wait_for(says("уже есть", "Рисую по описанию"))
    assert (await chat.job()).prompt == "в саду"


async def test_the_prompt_of_a_refused_pose_photo_is_given_back(chat, says):
    await chat.grant(chat.anna)
    await chat.press(chat.anna, PoseCallback(action=PoseAction.PHOTO))
    await chat.anna.send_document(b"%PDF-1.7 hello", name="scan.pdf", caption="в саду")
    await chat.anna.wait_for(says("Это не фото", "Описание я не использовал", "в саду"))
    assert await chat.jobs() == []


@pytest.mark.parametrize("verdict", [verdict for verdict in Verdict if verdict is not Verdict.ACCEPTED])
async def test_the_prompt_of_a_photo_with_any_other_verdict_waits_for_another_photo(chat, says, jpeg, verdict):
    await chat.grant(chat.anna)
    chat.stage.verdicts[:] = [verdict]
    await chat.anna.send_photo(jpeg(1), caption="в саду")
    await chat.anna.wait_for(says("Описание сохранено", "в саду"))
    assert await chat.jobs() == [] and (await chat.user(chat.anna)).draft == "в саду"


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_photo_whose_caption_is_a_command_is_kept_and_the_command_explained(chat, says, jpeg, command):
    await chat.grant(chat.anna, photos=0)
    await chat.anna.send_photo(jpeg(), caption=command)
    await chat.anna.wait_for(says(chat.texts()("caption-command")))
    await chat.anna.wait_for(says("✅"))
    assert await chat.states() == [ReferenceState.ACCEPTED]
    assert await chat.jobs() == []
    assert (await chat.user(chat.anna)).draft is None


async def test_the_admins_command_in_a_caption_leaves_the_photo_a_photo(chat, says, jpeg):
    await chat.grant(chat.boss, photos=0)
    await chat.boss.send_photo(jpeg(), caption="/admin")
    await chat.boss.wait_for(says("✅"))
    assert await chat.states() == [ReferenceState.ACCEPTED]


async def test_a_command_behind_an_invisible_character_is_no_prompt(chat, says):
    await chat.grant(chat.anna)
    await chat.anna.send_text("\u2060/draw")
    await chat.anna.wait_for(says(chat.texts()("unknown-command")))
    assert await chat.jobs() == []
