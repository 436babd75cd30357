"""The terms of credits: kinds of ledger entries, packs, and the payloads of invoices and deep links. Pure."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from enum import StrEnum

CURRENCY = "XTR"
"""Telegram Stars."""
PICTURE_PRICE = 1
STARS_MAX = 10_000
"""Telegram's limit for one invoice."""
PACKS_MAX = 10
INVITATION_PREFIX = "ref_"
SHOP_LINK = "buy"
"""The parameter of /start that opens the packs: what a forwarded invoice leads to."""
_PACK = re.compile(r"([1-9][0-9]{0,5}):([1-9][0-9]{0,4})")


class EntryKind(StrEnum):
    """The reason for a change of a user's credits."""

    RESERVE = "reserve"
    """A picture is asked for: its price leaves the balance."""
    SETTLE = "settle"
    """The picture is delivered: the reserved price is spent."""
    RELEASE = "release"
    """The reserved price is returned, because no picture was drawn."""
    GRANT = "grant"
    """The free pictures of a day, or credits from an admin."""
    PURCHASE = "purchase"
    REFUND = "refund"
    """Stars went back to the buyer: the unspent ones of the purchased credits are deducted."""
    REFERRAL = "referral"


JOB_KINDS = (EntryKind.RESERVE, EntryKind.SETTLE, EntryKind.RELEASE)
"""Entries about a job. Each job has one RESERVE and at most one of the other two."""


@dataclass(frozen=True)
class Pack:
    """Credits on sale for a price in Stars."""

    credits: int
    stars: int

    @property
    def payload(self) -> str:
        """The payload of the invoice, within Telegram's 128 bytes."""
        return f"pack:{self.credits}:{self.stars}"

    @staticmethod
    def parse(text: str) -> Pack:
        """A pack from `credits:stars`. Raises ValueError."""
        match = _PACK.fullmatch(text.strip())
        if match is None or int(match[2]) > STARS_MAX:
            raise ValueError(f"expected packs as credits:stars,credits:stars with at most {STARS_MAX} Stars each")
        return Pack(int(match[1]), int(match[2]))

    @staticmethod
    def of_payload(payload: str) -> Pack | None:
        """The pack of a text that `payload` returned; `None` for any other text."""
        kind, _, rest = payload.partition(":")
        match = _PACK.fullmatch(rest) if kind == "pack" else None
        return Pack(int(match[1]), int(match[2])) if match else None


@dataclass(frozen=True)
class CreditTerms:
    """The terms in force; where credits are off there are none."""

    free_per_day: int
    packs: tuple[Pack, ...]
    referral: int
    """The credits that inviter and invited user get each, once the invited one has a first picture."""
    contact: str
    """How buyers reach the operator."""
    departure_key: bytes = field(repr=False)
    """The key of `pseudonym`."""

    def pseudonym(self, user_id: int) -> bytes:
        """The name under which a user who deleted everything is recognised, so that deleting yields no second free
        quota and no second invitation. Without the key it cannot be turned back into the id."""
        return pseudonym_of(self.departure_key, user_id)


def pseudonym_of(key: bytes, user_id: int) -> bytes:
    """32 bytes; see `CreditTerms.pseudonym`."""
    return hmac.new(key, str(user_id).encode(), hashlib.sha256).digest()


def departure_key(token: str) -> bytes:
    """The key of `CreditTerms.pseudonym`: the same in every process of a bot, and it does not reveal the token."""
    return hmac.new(token.encode(), b"departures", hashlib.sha256).digest()
