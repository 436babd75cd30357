"""End users of apps: consent, photos, export and deletion."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from PIL import Image
from sqlalchemy import func, select, update

from bot.admin_acts import Act
from bot.api.limits import JSON_MAX_BYTES
from bot.db import image_prompts, photo_states, references, status_messages, users
from bot.db.admin_tables import AuditEntry
from bot.db.tables import Base, Consent, ImagePrompt, Job, Reference, User
from bot.domain import APP_USER_IDS_FROM, CONSENT_VERSION, RetentionTerms
from bot.retention import forget_image_prompts
from engine.contract import Examination, Verdict


def jpeg(seed: int = 0) -> bytes:
    buffer = io.BytesIO()
    Image.radial_gradient("L").resize((300, 400)).point(lambda level: (level + 37 * seed) % 256).save(buffer, "JPEG")
    return buffer.getvalue()


async def decide(world: Any, reference_id: str, verdict: Verdict, **facts: Any) -> None:
    async with world.sessions.begin() as session:
        report = Examination(reference_id=reference_id, verdict=verdict, **facts)
        assert await photo_states.decide(session, report)
    await world.settle()


async def test_consent_is_declared_kept_and_not_doubled(world: Any, app: Any) -> None:
    declared = await app("PUT", "/v1/end-users/ann", {"consent_version": CONSENT_VERSION, "language": "ru"})
    assert (declared.status, declared.body["language"], declared.body["consent_version"]) == (
        201,
        "ru",
        CONSENT_VERSION,
    )
    assert (await app("PUT", "/v1/end-users/ann", {"consent_version": CONSENT_VERSION})).status == 200
    assert (await app("PUT", "/v1/end-users/ann", {"consent_version": CONSENT_VERSION + 1})).status == 422
    async with world.sessions() as session:
        assert await session.scalar(select(func.count()).select_from(Consent)) == 1
        user = (await session.scalars(select(User).where(User.app_user == "ann"))).one()
    assert user.id >= APP_USER_IDS_FROM


async def test_photos_are_taken_examined_and_deleted(world: Any, app: Any) -> None:
    await app.agree()
    taken = await app.upload(jpeg())
    assert (taken.status, taken.body["state"], taken.body["verdict"]) == (202, "pending", None)
    again = await app.upload(jpeg())
    assert (again.status, again.body["id"]) == (200, taken.body["id"])
    await decide(world, taken.body["id"], Verdict.ACCEPTED, quality=0.8, hints=("half_length",))
    reference = (await app("GET", f"/v1/end-users/ann/references/{taken.body['id']}")).body
    assert (reference["state"], reference["quality"], reference["hints"]) == ("accepted", 0.8, ["half_length"])
    assert (await app("DELETE", f"/v1/end-users/ann/references/{taken.body['id']}")).status == 204
    assert (await app("GET", "/v1/end-users/ann/references")).body["items"] == []
    assert (await app("GET", f"/v1/end-users/ann/references/{taken.body['id']}")).problem == "not-found"


async def test_a_refused_photo_names_the_rule_and_is_not_kept(world: Any, app: Any) -> None:
    await app.agree()
    taken = await app.upload(jpeg())
    await decide(world, taken.body["id"], Verdict.MINOR)
    reference = (await app("GET", f"/v1/end-users/ann/references/{taken.body['id']}")).body
    assert (reference["state"], reference["verdict"]) == ("rejected", "minor")
    assert "under 18" in reference["rule"]
    async with world.sessions() as session:
        assert await session.scalar(select(func.length(Reference.image))) == 0
    assert (await app.order()).problem == "no-references"


async def test_of_several_people_one_is_chosen(world: Any, app: Any) -> None:
    await app.agree()
    taken = (await app.upload(jpeg())).body["id"]
    boxes = ((0.0, 0.0, 0.4, 1.0), (0.5, 0.0, 1.0, 1.0))
    await decide(world, taken, Verdict.SEVERAL_PEOPLE, boxes=boxes)
    reference = (await app("GET", f"/v1/end-users/ann/references/{taken}")).body
    assert reference["people"] == [list(box) for box in boxes]
    path = f"/v1/end-users/ann/references/{taken}/person"
    assert (await app("PUT", path, {"number": 3})).problem == "no-such-person"
    chosen = await app("PUT", path, {"number": 2})
    assert (chosen.status, chosen.body["state"]) == (200, "pending")


async def test_what_is_no_photo_is_refused_by_the_decoder(world: Any, app: Any) -> None:
    await app.agree()
    for data, status, reason in ((b"hello", 415, "not_an_image"), (jpeg()[:900], 422, "truncated")):
        refused = await app.upload(data)
        assert (refused.status, refused.problem, refused.body["reason"]) == (status, "photo-refused", reason)
    assert (await app("GET", "/v1/end-users/ann/references")).body["items"] == []


async def test_there_is_room_for_so_many_photos(world: Any, app: Any) -> None:
    for seed in range(8):
        await world.accept_photo(app, seed=seed)
    refused = await app.upload(jpeg())
    assert (refused.status, refused.body["reason"]) == (409, "too_many")
    assert len((await app("GET", "/v1/end-users/ann/references")).body["items"]) == 8


async def test_bodies_beyond_the_limits_are_refused_unread(world: Any, app: Any) -> None:
    await app.agree()
    assert (await app.upload(io.BytesIO(b"\0" * (20 * 1024 * 1024 + 1)))).status == 413

    async def chunks() -> Any:
        for _ in range(9):
            yield b" " * 10_000

    headers = {"Content-Type": "application/json"}
    assert (await app("POST", "/v1/jobs", data=chunks(), headers=headers)).status == 413
    assert (await app("POST", "/v1/jobs", data=b" " * 90_000, headers=headers)).status == 413


async def test_everything_of_one_person_is_deleted_and_nothing_of_another(world: Any, app: Any) -> None:
    for name in ("ann", "bob"):
        await world.accept_photo(app, name)
        await world.finish((await app.order(name)).body["id"])
    running = (await app.order("ann")).body["id"]
    await world.start(running)
    assert (await app("DELETE", "/v1/end-users/ann")).status == 204
    assert (await app("GET", "/v1/end-users/ann")).problem == "unknown-end-user"
    assert (await app("GET", f"/v1/jobs/{running}")).problem == "not-found"
    assert world.services.signals.take_withdrawn()
    bob = await world.user_id("bob")
    async with world.sessions() as session:
        for table in (Job, Reference, Consent):
            assert set(await session.scalars(select(table.user_id))) == {bob}
        app_jobs = Base.metadata.tables["app_jobs"]
        assert set(await session.scalars(select(app_jobs.c.user_id))) == {bob}
    assert (await app("DELETE", "/v1/end-users/ann")).status == 404


async def test_a_copy_of_all_data_has_photos_and_requests(world: Any, app: Any) -> None:
    await world.accept_photo(app)
    await app.order(prompt="on a beach at dawn")
    copy = await app("GET", "/v1/end-users/ann/export")
    assert (copy.status, copy.headers["Content-Type"]) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(copy.body)) as archive:
        assert b"on a beach at dawn" in archive.read("data.json")
    assert (await app("GET", "/v1/end-users/ann/export?part=2")).problem == "no-such-part"


async def test_end_users_are_listed_by_pages(world: Any, app: Any) -> None:
    for name in ("a", "b", "c"):
        await app.agree(name)
    first = (await app("GET", "/v1/end-users?limit=2")).body
    second = (await app("GET", f"/v1/end-users?limit=2&cursor={first['next']}")).body
    assert [[item["end_user"] for item in page["items"]] for page in (first, second)] == [["c", "b"], ["a"]]
    await world.accept_photo(app, "b")
    assert [item["references"] for item in (await app("GET", "/v1/end-users")).body["items"]] == [0, 1, 0]


async def test_nothing_of_an_app_goes_to_telegram(world: Any, app: Any) -> None:
    await world.accept_photo(app)
    await app.upload(jpeg())
    await app.order()
    async with world.sessions() as session:
        assert await status_messages.pending(session) == []
        assert await references.answerable(session) == []
        assert await status_messages.chats_with_photos_waiting(session, 0) == []


async def test_an_owner_in_use_is_not_forgotten_for_silence(world: Any, app: Any) -> None:
    await app.agree()
    old = datetime.now(UTC) - timedelta(days=99)
    async with world.sessions.begin() as session:
        await session.execute(update(User).values(active_at=old))
        assert await users.remove_inactive(session, RetentionTerms(30, 0), 10) == 1
        assert set(await session.scalars(select(User.id))) == {1}


async def test_jobs_follow_the_image_prompt_of_their_time(world: Any, app: Any, rows: Any, picture: Any) -> None:
    await world.accept_photo(app)
    await rows.worker(image_prompt=True)
    path = "/v1/end-users/ann/image-prompt"
    assert (await app("GET", "/v1/options")).body["image_prompts"]
    assert (await app.order(image_prompt=True)).problem == "no-image-prompt"
    assert (await app("PUT", path, data=b"no picture")).problem == "photo-refused"
    assert (await app("PUT", "/v1/end-users/bob/image-prompt", data=jpeg())).problem == "unknown-end-user"
    ids = []
    for seed in (1, 2):
        assert (await app("PUT", path, data=jpeg(seed))).status == 204
        ordered = await app.order(image_prompt=True, count=2)
        assert ordered.body["image_prompt"] is True
        followed = {job.image_prompt_id for job in await world.pictures(ordered.body["id"])}
        assert len(followed) == 1 and None not in followed
        ids += followed
    assert ids[0] != ids[1]
    for _ in range(2):
        assert (await app("DELETE", path)).status == 204
    async with world.sessions() as session:
        acts = list(await session.scalars(select(AuditEntry.act).where(AuditEntry.key_id.is_not(None))))
    assert acts == [Act.APP_DELETE_IMAGE_PROMPT]


async def test_of_two_image_prompts_at_once_the_one_stored_last_is_followed(world: Any, app: Any, rows: Any) -> None:
    """The upload that is stored last began first; a job followed the other one in between, which is kept for that
    job."""
    await world.accept_photo(app)
    await rows.worker(image_prompt=True)
    user_id = await world.user_id()

    async def followed() -> UUID:
        ordered = await app.order(image_prompt=True)
        return (await world.pictures(ordered.body["id"]))[0].image_prompt_id

    async with world.sessions.begin() as slow:
        await slow.execute(select(func.now()))
        assert (await app("PUT", "/v1/end-users/ann/image-prompt", data=jpeg(1))).status == 204
        first = await followed()
        await users.lock(slow, user_id)
        later = ImagePrompt(user_id=user_id, message_id=0, image=jpeg(2))
        await image_prompts.add(slow, later)
    assert await forget_image_prompts(world.sessions) == 0
    assert await followed() == later.id != first


async def test_an_image_prompt_needs_workers_that_read_it_and_has_the_room_of_a_photo(
    world: Any, app: Any, rows: Any
) -> None:
    await world.accept_photo(app)
    assert (await app("PUT", "/v1/end-users/ann/image-prompt", data=jpeg())).status == 204
    assert (await app.order(image_prompt=True)).status == 202, "while no worker is alive, everything is taken"
    await rows.worker(image_prompt=False)
    refused = await app.order(image_prompt=True)
    assert (refused.problem, refused.body["feature"]) == ("cannot-draw", "image prompt")
    assert not (await app("GET", "/v1/options")).body["image_prompts"]
    large = bytes(JSON_MAX_BYTES + 1)
    assert (await app("PUT", "/v1/end-users/ann/image-prompt", data=large)).status == 415
    assert (await app("PUT", "/v1/end-users/ann", data=large)).status == 413
