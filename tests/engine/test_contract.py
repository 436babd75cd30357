"""Messages between bot and worker survive serialization; other content is refused."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from engine.contract import (
    PROMPT_MAX_CHARS,
    REFERENCES_MAX,
    REPLY,
    Cancellation,
    Examination,
    ExamineRequest,
    Failure,
    FailureCode,
    GenerateBatch,
    GenerateRequest,
    Heartbeat,
    Message,
    Progress,
    Reference,
    Result,
    Settings,
    Started,
    Verdict,
)

ALL_BYTES = bytes(range(256))
REQUEST = GenerateRequest(
    job_id="job",
    attempt=2,
    references=(Reference(image=ALL_BYTES, profile=b"\x00\xff"), Reference(image=b"")),
    prompt="в лесу 🌲 <b>",
    negative_prompt="rain",
    style="pop_art",
    seed=2**63 - 1,
    settings=Settings(steps=5, guidance=0.0, face_scale=0.5),
)
REPLIES = [
    Started(job_id="job", attempt=1, worker_id="worker"),
    Progress(job_id="job", attempt=1, step=3, steps=8, preview=ALL_BYTES),
    Result(job_id="job", attempt=1, worker_id="w", image=ALL_BYTES, width=1, height=2, seconds=0.5, backbone="nano"),
    Failure(job_id="job", attempt=1, code=FailureCode.OUT_OF_MEMORY, retry=True),
    Examination(reference_id="photo", verdict=Verdict.ACCEPTED, people=1, profile=ALL_BYTES),
    Heartbeat(worker_id="w", backbone="nano", device="cpu", batch_max=4, job_ids=("a", "b"), stopping=True),
]
REQUESTS = [GenerateBatch(requests=(REQUEST,)), ExamineRequest(reference_id="p", image=ALL_BYTES)]
CANCELLATION = Cancellation(job_ids=("a", "b"))


@pytest.mark.parametrize("reply", REPLIES, ids=lambda reply: reply.kind)
def test_a_reply_comes_out_of_json_as_it_went_in(reply: Message) -> None:
    assert REPLY.validate_json(reply.model_dump_json()) == reply


@pytest.mark.parametrize("message", [*REQUESTS, CANCELLATION], ids=lambda message: type(message).__name__)
def test_a_request_comes_out_of_json_as_it_went_in(message: Message) -> None:
    assert type(message).model_validate_json(message.model_dump_json()) == message


@pytest.mark.parametrize("message", [*REPLIES, *REQUESTS, CANCELLATION], ids=lambda message: type(message).__name__)
def test_an_unknown_key_is_refused(message: Message) -> None:
    with pytest.raises(ValidationError, match="surprise"):
        type(message).model_validate({**message.model_dump(), "surprise": 1})


def test_a_request_queued_by_an_older_bot_has_no_style() -> None:
    old = REQUEST.model_dump(mode="json")
    del old["style"]
    assert GenerateRequest.model_validate_json(json.dumps(old)).style is None


def test_a_translated_prompt_keeps_its_first_name_in_json() -> None:
    """A bot and a worker of different versions understand each other."""
    started = Started(job_id="job", attempt=1, worker_id="w", translated_prompt="in a forest")
    assert json.loads(started.model_dump_json())["prompt"] == "in a forest"
    assert REPLY.validate_json(started.model_dump_json()) == started


def test_a_style_has_the_form_of_a_name() -> None:
    with pytest.raises(ValidationError, match="style"):
        GenerateRequest.model_validate({**REQUEST.model_dump(), "style": "Pop art!"})


def test_an_unknown_key_is_refused_inside_a_message() -> None:
    with pytest.raises(ValidationError, match="surprise"):
        Reference.model_validate({"image": b"x", "surprise": 1})
    with pytest.raises(ValidationError, match="surprise"):
        Settings.model_validate({"surprise": 1})


def test_a_reply_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValidationError, match="kind"):
        REPLY.validate_json('{"kind": "gossip", "job_id": "job"}')


def test_a_message_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        REQUEST.prompt = "other"


@pytest.mark.parametrize(
    "change",
    [
        {"references": ()},
        {"references": (Reference(image=b""),) * (REFERENCES_MAX + 1)},
        {"seed": -1},
        {"seed": 2**63},
        {"attempt": 0},
        {"prompt": "x" * (2 * PROMPT_MAX_CHARS + 1)},
        {"settings": {"steps": 0}},
        {"settings": {"face_scale": 2.5}},
    ],
    ids=str,
)
def test_a_request_outside_its_limits_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        GenerateRequest.model_validate({**REQUEST.model_dump(), **change})


def test_an_empty_batch_is_refused() -> None:
    with pytest.raises(ValidationError):
        GenerateBatch(requests=())
