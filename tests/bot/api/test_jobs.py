"""Jobs of apps: request, progress, download, cancellation, deletion."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from bot.admin_acts import Act
from bot.api import jobs
from bot.db.admin_tables import AuditEntry
from bot.db.app_tables import ApiStream
from bot.db.tables import Job, User
from bot.domain import CONSENT_VERSION, JobState
from bot.usecases import app_limits
from engine.contract import FailureCode

LARGE = 24 * 1024 * 1024


async def test_a_job_is_asked_for_followed_and_its_picture_fetched(world: Any, app: Any) -> None:
    await world.accept_photo(app)
    order = await app.order(count=2, seed=7, style="film", clothes="change")
    assert order.status == 202
    job_id = order.body["id"]
    assert order.headers["Location"] == f"/v1/jobs/{job_id}"
    assert (order.body["status"], order.body["place"], order.body["end_user"]) == ("queued", 1, "ann")
    assert [picture["seed"] for picture in order.body["pictures"]] == [7, 8]
    assert [job.settings for job in await world.pictures(job_id)] == [{"clothes": "change"}] * 2
    assert (await app("GET", f"/v1/jobs/{job_id}/pictures/1")).problem == "no-picture"

    await world.start(job_id, translated_prompt="in a wood", ignored=("a dragon", "a knight"))
    running = (await app("GET", f"/v1/jobs/{job_id}")).body
    assert (running["status"], running["place"], running["ended_at"]) == ("running", None, None)
    assert running["pictures"][0]["ignored"] == ["a dragon", "a knight"]

    await world.finish(job_id, b"\x89PNG with XMP and C2PA")
    ended = (await app("GET", f"/v1/jobs/{job_id}")).body
    assert ended["status"] == "succeeded" and ended["ended_at"]
    picture = await app("GET", ended["pictures"][1]["url"])
    assert (picture.status, picture.headers["Content-Type"]) == (200, "image/png")
    assert picture.body == b"\x89PNG with XMP and C2PA"
    assert (await app("GET", f"/v1/jobs/{job_id}/pictures/3")).problem == "not-found"


async def test_without_consent_or_photos_nothing_is_drawn(world: Any, app: Any) -> None:
    assert (await app.order()).problem == "unknown-end-user"
    await app.agree()
    assert (await app.order()).problem == "no-references"
    await world.accept_photo(app)
    assert (await app.order(references=["00000000-0000-4000-8000-000000000000"])).problem == "no-references"
    assert (await app.order()).status == 202


async def test_an_earlier_consent_does_not_count(world: Any, app: Any) -> None:
    await world.accept_photo(app)
    async with world.sessions.begin() as session:
        await session.execute(update(User).where(User.app_user == "ann").values(consent_version=0))
    refused = await app.order()
    assert (refused.status, refused.problem, refused.body["consent_version"]) == (
        403,
        "consent-required",
        CONSENT_VERSION,
    )
    assert (await app.upload(b"photo")).problem == "consent-required"


@pytest.mark.parametrize(
    ("facts", "status", "problem"),
    [
        ({"prompt": "1234 !!"}, 409, "prompt-refused"),
        ({"prompt": "/start"}, 409, "prompt-refused"),
        ({"style": "unheard_of"}, 409, "unknown-style"),
        ({"pose": "flying"}, 422, "invalid-request"),
        ({"count": 5}, 422, "invalid-request"),
        ({"image": "x"}, 422, "invalid-request"),
        ({"callback_url": "http://example.org/x"}, 422, "invalid-request"),
        ({"callback_url": "https://127.0.0.1/x"}, 422, "invalid-request"),
    ],
)
async def test_a_wrong_order_is_a_problem(world: Any, app: Any, facts: Any, status: int, problem: str) -> None:
    await world.accept_photo(app)
    refused = await app.order(**facts)
    assert (refused.status, refused.problem) == (status, problem), refused.body
    assert (await app("GET", "/v1/jobs")).body["items"] == []


async def test_a_pose_or_aspect_that_no_worker_draws_is_refused(world: Any, app: Any, rows: Any) -> None:
    await world.accept_photo(app)
    await rows.worker(pose=False)
    for facts, feature in (({"pose": "sitting"}, "pose"), ({"aspect": "1:1"}, "aspect")):
        refused = await app.order(**facts)
        assert (refused.problem, refused.body["feature"]) == ("cannot-draw", feature)
    await rows.worker(pose=True)
    assert (await app.order(pose="sitting")).status == 202
    options = (await app("GET", "/v1/options")).body
    assert "sitting" in options["poses"] and options["aspects"] == [] and options["terms"]["version"] == CONSENT_VERSION


async def test_the_same_idempotency_key_gives_the_same_job(world: Any, app: Any) -> None:
    await world.accept_photo(app)
    key = {"Idempotency-Key": "order-1"}
    first = await app.order(headers=key)
    again = await app.order(headers=key)
    assert (first.status, again.status) == (202, 200)
    assert first.body["id"] == again.body["id"]
    assert (await app.order(headers=key, prompt="something else")).problem == "idempotency-conflict"
    other = await world.client("other")
    await world.accept_photo(other, "bob")
    assert (await other.order("bob", headers=key)).status == 202
    assert (await app.order()).body["id"] != first.body["id"]


@pytest.mark.parametrize(("code", "rule"), [(FailureCode.REFUSED_PROMPT, "nudity"), (FailureCode.OUT_OF_MEMORY, None)])
async def test_a_failure_has_its_code_and_a_refusal_its_rule(world: Any, app: Any, code: Any, rule: Any) -> None:
    await world.accept_photo(app)
    job_id = (await app.order()).body["id"]
    await world.fail(job_id, code)
    ended = (await app("GET", f"/v1/jobs/{job_id}")).body
    assert ended["status"] == "failed"
    failure = ended["pictures"][0]["failure"]
    assert failure["code"] == code.value
    assert failure["rule"] is None if rule is None else rule in failure["rule"]


async def test_a_cancelled_job_ends_and_can_be_deleted(world: Any, app: Any) -> None:
    await world.accept_photo(app)
    job_id = (await app.order(count=2)).body["id"]
    assert (await app("DELETE", f"/v1/jobs/{job_id}")).problem == "in-progress"
    await app("POST", f"/v1/jobs/{job_id}/cancel")
    await world.settle()
    assert (await app("GET", f"/v1/jobs/{job_id}")).body["status"] == "cancelled"
    assert (await app("POST", f"/v1/jobs/{job_id}/cancel")).body["status"] == "cancelled"
    assert (await app("DELETE", f"/v1/jobs/{job_id}")).status == 204
    assert (await app("GET", f"/v1/jobs/{job_id}")).problem == "not-found"


async def test_a_deleted_job_leaves_neither_prompt_nor_picture(world: Any, app: Any) -> None:
    await world.accept_photo(app)
    job_id = (await app.order()).body["id"]
    await world.finish(job_id)
    assert (await app("DELETE", f"/v1/jobs/{job_id}")).status == 204
    [picture] = await world.pictures(job_id)
    assert (picture.prompt, picture.state, picture.removed_at is not None) == ("", JobState.DELIVERED, True)


async def test_a_picture_that_is_not_kept_any_more_is_gone(world: Any, app: Any, rows: Any) -> None:
    await world.accept_photo(app)
    job_id = (await app.order()).body["id"]
    await world.finish(job_id)
    [picture] = await world.pictures(job_id)
    await rows.change(picture.id, result=None)
    gone = await app("GET", f"/v1/jobs/{job_id}/pictures/1")
    assert (gone.status, gone.problem) == (410, "picture-gone")
    assert (await app("GET", f"/v1/jobs/{job_id}")).body["pictures"][0]["url"] is None


async def test_lists_are_paged_newest_first_and_by_person(world: Any, app: Any) -> None:
    for name in ("ann", "bob"):
        await world.accept_photo(app, name)
    ids = [(await app.order(name)).body["id"] for name in ("ann", "bob", "ann", "bob", "ann")]
    first = (await app("GET", "/v1/jobs?limit=2")).body
    second = (await app("GET", f"/v1/jobs?limit=2&cursor={first['next']}")).body
    third = (await app("GET", f"/v1/jobs?limit=2&cursor={second['next']}")).body
    pages = [[item["id"] for item in page["items"]] for page in (first, second, third)]
    assert pages == [ids[:2:-1], ids[2:0:-1], ids[:1]]
    assert third["next"] is None
    bobs = (await app("GET", "/v1/jobs?end_user=bob")).body["items"]
    assert [item["id"] for item in bobs] == [ids[3], ids[1]]
    assert (await app("GET", "/v1/jobs?cursor=nonsense")).problem == "wrong-cursor"
    assert (await app("GET", "/v1/jobs?end_user=nobody")).problem == "unknown-end-user"


async def test_the_pictures_of_an_app_in_progress_are_limited(open_world: Any) -> None:
    world = await open_world(api_open_pictures=5)
    app = await world.client()
    await world.accept_photo(app)
    await world.accept_photo(app, "bob")
    assert (await app.order(count=4)).status == 202
    one_person = await app.order(count=1)
    assert (one_person.status, one_person.problem) == (429, "too-many-open-pictures-of-end-user")
    whole_app = await app.order("bob", count=2)
    assert (whole_app.problem, whole_app.body["limit"]) == ("too-many-open-pictures", 5)
    assert (await app.order("bob")).status == 202
    assert len((await app("GET", "/v1/jobs")).body["items"]) == 2


async def test_events_show_each_change_and_end_with_the_job(world: Any, app: Any) -> None:
    await world.accept_photo(app)
    job_id = (await app.order()).body["id"]
    headers = {"Authorization": f"Bearer {app.key.key}"}
    views: list[Any] = []
    statuses: list[str] = []
    async with app.http.get(f"{app.url}/v1/jobs/{job_id}/events", headers=headers) as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        async for line in stream.content:
            if not line.startswith(b"data:"):
                continue
            views.append(json.loads(line[5:]))
            assert views[-1:] != views[-2:-1]
            if statuses[-1:] == [views[-1]["status"]]:
                continue  # a look between the end of the picture and the end of the job
            statuses.append(views[-1]["status"])
            if statuses == ["queued"]:
                await world.start(job_id)
                world.services.signals.wake()
            elif statuses[-1] == "running":
                await world.finish(job_id)
    assert statuses == ["queued", "running", "succeeded"]


async def test_events_of_an_unknown_job_are_a_problem(app: Any) -> None:
    assert (await app("GET", "/v1/jobs/00000000-0000-4000-8000-000000000000/events")).problem == "not-found"


async def test_streams_beyond_the_limit_are_refused_before_their_answer_begins(
    open_world: Any, monkeypatch: pytest.MonkeyPatch, eventually: Any
) -> None:
    """The limit is shared by all processes; a stream that ends, or whose process has died, frees its place."""
    monkeypatch.setattr(app_limits, "STREAMS_MAX", 2)
    world, other = await open_world(), await open_world()
    app = await world.client()
    elsewhere = type(app)(other.http, other.url, app.key)
    await world.accept_photo(app)
    path = f"/v1/jobs/{(await app.order()).body['id']}/events"
    headers = {"Authorization": f"Bearer {app.key.key}"}

    async def count() -> int:
        async with world.sessions() as session:
            return await session.scalar(select(func.count()).select_from(ApiStream)) or 0

    async with app.http.get(app.url + path, headers=headers) as first:
        assert first.status == 200
        async with other.http.get(other.url + path, headers=headers) as second:
            assert second.status == 200
            refused = await app("GET", path)
            assert (refused.status, refused.problem) == (429, "too-many-streams")
            assert int(refused.headers["Retry-After"]) > 0
            assert (await elsewhere("GET", path)).problem == "too-many-streams"
        await eventually(lambda: _equals(count, 1))
        async with elsewhere.http.get(elsewhere.url + path, headers=headers) as again:
            assert again.status == 200
            async with world.sessions.begin() as session:  # as if its process had vanished
                lost = ApiStream.open_until - 2 * app_limits.STREAM_LEASE
                await session.execute(update(ApiStream).values(open_until=lost))
            async with app.http.get(app.url + path, headers=headers) as next_one:
                assert next_one.status == 200
    await eventually(lambda: _equals(count, 0))


async def _equals(count: Callable[[], Awaitable[int]], expected: int) -> bool:
    return await count() == expected


async def test_an_open_stream_keeps_its_place(
    world: Any, app: Any, monkeypatch: pytest.MonkeyPatch, eventually: Any
) -> None:
    monkeypatch.setattr(jobs, "STREAM_RENEWAL_S", 0.05)
    await world.accept_photo(app)
    path = f"/v1/jobs/{(await app.order()).body['id']}/events"

    async def open_until() -> datetime:
        async with world.sessions() as session:
            return (await session.scalars(select(ApiStream.open_until))).one()

    async with app.http.get(app.url + path, headers={"Authorization": f"Bearer {app.key.key}"}) as stream:
        assert stream.status == 200
        before = await open_until()
        await eventually(lambda: _later(open_until, before))


async def test_a_stream_whose_reader_stands_still_counts_until_it_goes(
    world: Any, app: Any, monkeypatch: pytest.MonkeyPatch, eventually: Any
) -> None:
    """The stream blocks within its first event, for several times the length of a stream's lease."""
    monkeypatch.setattr(jobs, "STREAM_RENEWAL_S", 0.1)
    monkeypatch.setattr(app_limits, "STREAM_LEASE", timedelta(seconds=3))
    await world.accept_photo(app)
    job_id = (await app.order()).body["id"]
    async with world.sessions.begin() as session:  # more than all buffers on the way hold
        await session.execute(update(Job).values(prompt="x" * LARGE))

    async def open_until() -> datetime:
        async with world.sessions() as session:
            return (await session.scalars(select(ApiStream.open_until))).one()

    async def count() -> int:
        async with world.sessions() as session:
            return await session.scalar(select(func.count()).select_from(ApiStream)) or 0

    def open_streams() -> float | None:
        return world.services.metrics.registry.get_sample_value("bolid_api_streams")

    host, port = app.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
    lines = (f"GET /v1/jobs/{job_id}/events HTTP/1.1", f"Host: {host}", f"Authorization: Bearer {app.key.key}")
    writer.write("\r\n".join((*lines, "", "")).encode())
    assert b"200" in await reader.readline()
    began = await open_until()
    await eventually(lambda: _later(open_until, began + 2 * app_limits.STREAM_LEASE))
    assert (await count(), open_streams()) == (1, 1)
    writer.transport.abort()
    await eventually(lambda: _equals(count, 0))
    await eventually(lambda: open_streams() == 0)


async def _later(moment: Callable[[], Awaitable[datetime]], before: datetime) -> bool:
    return await moment() > before


async def test_requests_are_counted_by_route_and_status(world: Any, app: Any) -> None:
    await world.accept_photo(app)
    job_id = (await app.order(count=3, headers={"Idempotency-Key": "one"})).body["id"]
    assert (await app.order(count=3, headers={"Idempotency-Key": "one"})).status == 200
    for _ in range(2):
        assert (await app("GET", f"/v1/jobs/{job_id}")).status == 200
    assert (await world.anonymous()("GET", f"/v1/jobs/{job_id}")).status == 401
    assert (await app("GET", "/v1/nothing")).status == 404
    assert (await app("PATCH", "/v1/jobs")).status == 405
    assert (await app("GET", "/app/nothing.js")).status == 404
    assert (await app("FOOBAR", "/v1/jobs")).status == 405

    def requests(method: str, route: str, status: int) -> float | None:
        labels = {"method": method, "route": route, "status": str(status)}
        return world.services.metrics.registry.get_sample_value("bolid_api_request_seconds_count", labels)

    counted = {
        ("POST", "/v1/jobs", 202): 1, ("POST", "/v1/jobs", 200): 1, ("GET", "/v1/jobs/{job_id}", 200): 2,
        ("GET", "/v1/jobs/{job_id}", 401): 1, ("GET", "none", 404): 1, ("GET", "/app", 404): 1,
        ("FOOBAR", "/v1/jobs", 405): None, ("other", "/v1/jobs", 405): 1,
    }  # fmt: skip
    assert {each: requests(*each) for each in counted} == counted
    samples = [sample for family in world.services.metrics.registry.collect() for sample in family.samples]
    expected = {
        sample.name: sample.value
        for sample in samples
        if sample.name in ("bolid_api_jobs_total", "bolid_api_pictures_total")
    }
    assert expected == {"bolid_api_jobs_total": 1, "bolid_api_pictures_total": 3}
    assert not any(job_id in str(sample.labels) for sample in samples)


async def test_deletions_are_in_the_audit_log_under_the_key(world: Any, app: Any) -> None:
    reference_id = await world.accept_photo(app)
    job_id = (await app.order()).body["id"]
    assert (await app("DELETE", f"/v1/jobs/{job_id}")).status == 409
    await world.finish(job_id)
    assert (await app("DELETE", f"/v1/jobs/{job_id}")).status == 204
    assert (await app("DELETE", f"/v1/end-users/ann/references/{reference_id}")).status == 204
    assert (await app("DELETE", "/v1/end-users/ann")).status == 204
    assert (await app("DELETE", "/v1/end-users/ann")).status == 404
    await world.services.use.keys.revoke(app.key.key_id, 9)
    async with world.sessions() as session:
        rows = (await session.scalars(select(AuditEntry).order_by(AuditEntry.id))).all()
    key_id = app.key.key_id
    assert [(row.admin_id, row.key_id, row.act, row.user_id, row.subject) for row in rows] == [
        (9, None, Act.MAKE_KEY, 1, key_id),
        (None, key_id, Act.APP_DELETE_JOB, None, job_id),
        (None, key_id, Act.APP_DELETE_PHOTO, None, reference_id),
        (None, key_id, Act.APP_DELETE_USER, None, None),
        (9, None, Act.REVOKE_KEY, 1, key_id),
    ]
