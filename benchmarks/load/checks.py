"""The invariant of a run, read from the database and from the chats: each job exactly once, or honestly failed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import quantiles

from benchmarks.load.crowd import Ask, MessageRecord, is_end, is_help, job_actions


@dataclass(frozen=True)
class JobRow:
    """A job as Postgres has it."""

    job_id: str
    user_id: int
    request_message_id: int | None
    state: str
    failure: str | None
    closed: bool


@dataclass
class Verdicts:
    """`broken` is empty where the invariant holds: one line per prompt or job that breaks it."""

    outcomes: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    doubled_texts: int = 0
    """Messages "in the queue" or "ready" that were sent twice: a process ended, or an answer of Telegram was lost,
    between the sending and the commit. Documented; the picture never is."""


def judge(asks: Sequence[Ask], jobs: Sequence[JobRow], chats: Mapping[int, Sequence[MessageRecord]]) -> Verdicts:
    """`chats`: the messages of each user that are not deleted, oldest first."""
    verdicts = Verdicts()
    by_request: dict[tuple[int, int], list[JobRow]] = defaultdict(list)
    for job in jobs:
        by_request[job.user_id, job.request_message_id or 0].append(job)
    for user_id, message_id in {(ask.user_id, ask.message_id) for ask in asks}:
        own_rows = by_request.pop((user_id, message_id), [])
        answers = [m for m in chats[user_id] if m["from_bot"] and m["reply_to"] == message_id]
        _judge_one(f"prompt {message_id} of {user_id}", own_rows, answers, verdicts)
    verdicts.broken += [f"{job.job_id}: a job that nobody asked for" for rows in by_request.values() for job in rows]
    return verdicts


def _judge_one(name: str, rows: Sequence[JobRow], answers: Sequence[MessageRecord], verdicts: Verdicts) -> None:
    ends = [message for message in answers if is_end(message)]
    pictures = [message for message in ends if message["photo"] is not None]
    verdicts.doubled_texts += len(answers) - len(ends)
    if not rows:
        verdicts.outcomes["refused"] += 1
        if not ends or pictures:
            verdicts.broken.append(f"{name}: no job, and {len(ends)} answers with {len(pictures)} pictures")
        return
    if len(rows) > 1:
        verdicts.broken.append(f"{name}: {len(rows)} jobs")
        return
    (job,) = rows
    verdicts.outcomes[job.state if job.failure is None else f"{job.state}: {job.failure}"] += 1
    expected = 1 if job.state == "delivered" else 0
    if not job.closed or job.state not in ("delivered", "failed"):
        verdicts.broken.append(f"{name}: the job is {job.state}, closed: {job.closed}")
    if len(pictures) != expected or len(ends) != 1:
        verdicts.broken.append(f"{name}: {job.state}, {len(pictures)} pictures, {len(ends)} ends")
    if any(job.job_id not in job_actions(message) for message in pictures):
        verdicts.broken.append(f"{name}: a picture of another job")


def help_latencies(
    helps: Sequence[tuple[int, int]], chats: Mapping[int, Sequence[MessageRecord]]
) -> tuple[list[float], int]:
    """Seconds from each /help to the answer by the clock of the Bot API server, and how many got none."""
    waits, unanswered = [], 0
    requests: dict[int, list[int]] = defaultdict(list)
    for user_id, message_id in helps:
        requests[user_id].append(message_id)
    for user_id, ids in requests.items():
        messages = {message["id"]: message for message in chats[user_id]}
        answers = [message for message in chats[user_id] if is_help(message)]
        for message_id in sorted(ids):
            answer = next((message for message in answers if message["id"] > message_id), None)
            if answer is None:
                unanswered += 1
                continue
            answers.remove(answer)
            waits.append(answer["sent_at"] - messages[message_id]["sent_at"])
    return waits, unanswered


def spread(values: Sequence[float]) -> dict[str, float]:
    """p50, p99 and the maximum."""
    if len(values) < 2:
        return dict.fromkeys(("p50", "p99", "max"), max(values, default=float("nan")))
    cuts = quantiles(values, n=100, method="inclusive")
    return {"p50": cuts[49], "p99": cuts[98], "max": max(values)}
