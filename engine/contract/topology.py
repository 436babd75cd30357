"""The queues, exchanges and tasks between the bot and its workers, and the addresses of a broker.

Both sides declare queues and exchanges from the objects below. RabbitMQ refuses a second declaration that differs
(406 PRECONDITION_FAILED); Redis and Valkey do not check.
"""

from __future__ import annotations

from uuid import uuid4

from kombu import Exchange, Queue

GENERATE_TASK = "bolid.generate"
EXAMINE_TASK = "bolid.examine"
WORK_QUEUE = Queue("bolid.work", Exchange("bolid.work", type="direct"), routing_key="bolid.work", durable=True)
REPLIES_QUEUE = Queue("bolid.replies", durable=True)
CANCELLATIONS_EXCHANGE = Exchange("bolid.cancellations", type="fanout", durable=True)
BROKERS = ("redis", "rediss", "amqp", "amqps")
"""Schemes of a broker's address that both sides support; Valkey uses redis://."""
HEARTBEAT_INTERVAL_S = 2.0
AMQP_HEARTBEAT_S = 20
"""Heartbeat of AMQP itself, on connections that read: a frozen connection is closed after twice this time. A worker
sends none while it draws, so a batch that takes longer costs a reconnection, and no job."""
MISCONFIGURED_EXIT_CODE = 2
"""The exit code of the bot and of a worker where a restart would not help and an operator has to act."""


def check_broker(url: str) -> str:
    """The address of a broker. Raises ValueError for one that could never be opened, without showing it."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in BROKERS or not rest:
        raise ValueError(
            "is not a broker's address: expected redis://host:6379/0 (for Valkey too) or amqp://host:5672//"
        )
    return url


def new_cancellations_queue() -> Queue:
    """A queue for one listener of `CANCELLATIONS_EXCHANGE`; the broker deletes it with the listener's connection."""
    name = f"{CANCELLATIONS_EXCHANGE.name}.{uuid4().hex}"
    return Queue(name, CANCELLATIONS_EXCHANGE, exclusive=True, auto_delete=True, durable=False)
