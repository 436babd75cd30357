"""The bot's settings, read once from the environment (and `.env`). Secrets never show in repr or logs."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AnyHttpUrl,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.credits import PACKS_MAX, CreditTerms, Pack, departure_key
from bot.db.address import AddressError, read_address
from bot.domain import MINI_APP_PATH, RetentionTerms
from bot.errors import OperatorError
from engine.contract import check_broker

TELEGRAM_URL = "https://api.telegram.org"
_PRICE = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,6})?) +([A-Z]{3})")
_TOKEN = re.compile(r"[0-9]+:\S+")
_SECRET = re.compile("[A-Za-z0-9_-]{16,256}")
_HTTP_URL = TypeAdapter(AnyHttpUrl)


class Pace(BaseModel):
    """The times of the dispatcher."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    edit_interval_s: float = Field(default=3.0, ge=0)
    """Least time between two progress edits in one chat: Telegram limits edits that come faster."""
    calls_per_s: float = Field(default=25.0, gt=0)
    """Status edits per second over all chats: Telegram allows about thirty calls."""
    lease_s: float = Field(default=15.0, gt=0)
    """The time that a job stays with a worker that sends no heartbeat."""
    handout_s: float = Field(default=30.0, gt=0)
    """The time after which a job at the broker may count as lost."""
    alive_s: float = Field(default=8.0, gt=0)
    """A worker without a heartbeat for this time counts as gone."""
    tick_s: float = Field(default=1.0, gt=0)
    """The longest time between two steps of the dispatcher."""


class HourPrice(BaseModel):
    """The price of a worker for an hour."""

    model_config = ConfigDict(frozen=True)

    amount: float
    currency: str

    @staticmethod
    def parse(text: str) -> HourPrice:
        """`2.50 EUR`. Raises ValueError."""
        match = _PRICE.fullmatch(text.strip())
        if match is None:
            raise ValueError("expected an amount and a currency, such as 2.50 EUR")
        return HourPrice(amount=float(match[1]), currency=match[2])


class Config(BaseSettings, Pace):
    """One field per environment variable of the same name in upper case, those of Pace too."""

    model_config = SettingsConfigDict(
        frozen=True, env_file=".env", extra="ignore", env_ignore_empty=True, use_attribute_docstrings=True
    )

    bot_token: SecretStr
    """The token from @BotFather. `make run` without it opens a chat page instead."""
    bot_api_url: str = TELEGRAM_URL
    """The address of the Bot API server."""
    database_url: SecretStr
    """The Postgres database. `make run` without it starts an embedded server."""
    broker_url: SecretStr
    """The broker: redis:// (Valkey too) or amqp://. `make run` without it starts an embedded Valkey."""
    admin_ids: Annotated[frozenset[int], NoDecode] = frozenset()
    """Telegram ids of those who may use /admin, separated by commas."""
    bot_name: str | None = Field(default=None, max_length=64)
    """The name that Telegram shows; None: the one set at @BotFather."""

    webhook_url: str | None = None
    """The address that Telegram posts updates to; None: they are fetched by polling."""
    webhook_listen: str = "127.0.0.1:8080"
    """host:port of the bot's own server, which a reverse proxy makes public as `webhook_url`."""
    webhook_secret: SecretStr | None = None
    """None: derived from the token."""
    message_burst: int = Field(default=30, ge=1)
    """The number of messages and presses that one chat may send at once; an album of ten photos is ten messages."""
    messages_per_s: float = Field(default=1.0, gt=0)
    """The rate at which this allowance refills; messages beyond it are dropped, with one notice."""
    open_jobs_max: int = Field(default=3, ge=1)
    """The largest number of pictures of one user in progress."""
    start_patience_s: float = Field(default=60.0, ge=0)
    """The longest wait at start for Postgres and the Bot API."""
    alert_no_worker_s: float = Field(default=300.0, gt=0)
    """Admins get an alert when no worker has been alive for this time."""
    alert_queue_s: float = Field(default=900.0, gt=0)
    """Admins get an alert when the oldest open job is older."""
    alert_failures: int = Field(default=5, ge=1)
    """The number of jobs failed through a fault of the service within an hour that causes an alert to admins."""
    retention_days: int | None = Field(default=None, ge=1)
    """Users without an update for this time are deleted with all their data; None: they are kept."""
    retention_notice_days: int = Field(default=14, ge=0)
    """The number of days before the deletion at which users get a notice, at most `retention_days` - 1; 0: no
    notice."""
    original_days: int = Field(default=7, ge=1)
    """The time that the PNG of a picture is kept for a user who has not asked for it as a file."""
    credits: bool = False
    """Pictures cost credits beyond a free quota, and credits are sold for Telegram Stars."""
    free_pictures_per_day: int = Field(default=3, ge=0)
    """The free quota of a user per day, UTC, while credits are on."""
    credit_packs: Annotated[tuple[Pack, ...], NoDecode] = (Pack(20, 100), Pack(100, 400), Pack(500, 1600))
    """Credits on sale and their price in Stars, as credits:Stars, separated by commas."""
    referral_credits: int = Field(default=5, ge=0)
    """The credits that inviter and invited user get each."""
    operator_contact: str | None = Field(default=None, max_length=200, validate_default=True)
    """The contact in /privacy and for buyers: @name, an e-mail address, or a page."""
    api_listen: str | None = None
    """host:port of the HTTP API for other apps and of the Mini App; None: both are off."""
    api_url: str | None = None
    """The public https address of that server; the chat's menu button opens the Mini App there. None: no button."""
    api_open_pictures: int = Field(default=20, ge=1)
    """The largest number of pictures of one app in progress."""
    broadcast_per_s: float = Field(default=15.0, gt=0, le=30)
    """Messages of a broadcast per second. Telegram allows a bot about 30 messages of all kinds."""
    worker_hour_price: Annotated[HourPrice | None, NoDecode] = None
    """The cost of a worker per hour, as "2.50 EUR", for the cost per picture in /admin."""
    monitor_listen: str | None = None
    """host:port of /healthz, /readyz and /metrics; None: these are not served."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least level that is logged."""
    log_json: bool = False
    """One JSON object per line of the log."""

    @field_validator("bot_token")
    @classmethod
    def _looks_like_a_token(cls, token: SecretStr) -> SecretStr:
        if not _TOKEN.fullmatch(token.get_secret_value()):
            raise ValueError("does not look like a token: expected 123456:ABC-DEF as @BotFather gave it")
        return token

    @field_validator("bot_api_url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        try:
            _HTTP_URL.validate_python(url)
        except ValidationError:
            raise ValueError(f"is not an address: expected {TELEGRAM_URL} or your own Bot API server's") from None
        return url.rstrip("/")

    @field_validator("webhook_url")
    @classmethod
    def _is_public(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("https://", "http://")):
            raise ValueError("is not an address: expected https://your.host/path, which Telegram can reach")
        return url

    @field_validator("api_url")
    @classmethod
    def _is_served_and_secure(cls, url: str | None, info: ValidationInfo) -> str | None:
        if url is None:
            return None
        if not url.startswith("https://") or not url.removeprefix("https://"):
            raise ValueError("is not an address: expected https://your.host, since Telegram opens no other")
        if info.data.get("api_listen") is None:
            raise ValueError("needs API_LISTEN, the host:port that the proxy passes its requests on to")
        return url.rstrip("/")

    @field_validator("webhook_listen", "monitor_listen", "api_listen")
    @classmethod
    def _is_host_and_port(cls, address: str | None) -> str | None:
        if address is not None:
            read_listen(address)
        return address

    @field_validator("webhook_secret")
    @classmethod
    def _is_a_secret(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and not _SECRET.fullmatch(secret.get_secret_value()):
            raise ValueError("expected 16 to 256 of the characters A-Z, a-z, 0-9, _ and -")
        return secret

    @field_validator("database_url")
    @classmethod
    def _is_postgres(cls, url: SecretStr) -> SecretStr:
        try:
            read_address(url.get_secret_value())
        except AddressError as error:
            raise ValueError(str(error)) from None
        return url

    @field_validator("broker_url")
    @classmethod
    def _is_a_broker(cls, url: SecretStr) -> SecretStr:
        check_broker(url.get_secret_value())
        return url

    @field_validator("admin_ids", mode="before")
    @classmethod
    def _comma_separated(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return frozenset(int(part) for part in value.replace(",", " ").split())
        except ValueError:
            raise ValueError("expected Telegram user ids with commas between: ADMIN_IDS=123,456") from None

    @field_validator("credit_packs", mode="before")
    @classmethod
    def _are_packs(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        packs = tuple(Pack.parse(part) for part in value.split(","))
        if len(packs) > PACKS_MAX or len({pack.credits for pack in packs}) < len(packs):
            raise ValueError(f"expected at most {PACKS_MAX} packs, each with another number of credits")
        return packs

    @field_validator("worker_hour_price", mode="before")
    @classmethod
    def _is_a_price(cls, value: Any) -> Any:
        return HourPrice.parse(value) if isinstance(value, str) else value

    @field_validator("operator_contact")
    @classmethod
    def _is_there_for_buyers(cls, contact: str | None, info: ValidationInfo) -> str | None:
        if contact is None and info.data.get("credits"):
            raise ValueError(
                "is not set, but CREDITS=1 needs it: Telegram obliges sellers to be reachable "
                "(@name, an e-mail address or a page)"
            )
        return contact

    @property
    def mini_app_url(self) -> str | None:
        return None if self.api_url is None else f"{self.api_url}{MINI_APP_PATH}"

    @property
    def retention_terms(self) -> RetentionTerms | None:
        """`None` where users are kept."""
        if self.retention_days is None:
            return None
        return RetentionTerms(self.retention_days, min(self.retention_notice_days, self.retention_days - 1))

    @property
    def credit_terms(self) -> CreditTerms | None:
        """`None` where credits are off."""
        if not self.credits or self.operator_contact is None:
            return None
        return CreditTerms(
            free_per_day=self.free_pictures_per_day,
            packs=self.credit_packs,
            referral=self.referral_credits,
            contact=self.operator_contact,
            departure_key=departure_key(self.bot_token.get_secret_value()),
        )


def read_listen(address: str) -> tuple[str, int]:
    """`host:port` as (host, port). Raises ValueError."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise ValueError("expected host:port, such as 127.0.0.1:8080")
    return host.strip("[]"), int(port)


def load_config() -> Config:
    """Read the environment. Raises OperatorError: one line, naming every variable at fault."""
    try:
        return Config()
    except ValidationError as error:
        faults = "; ".join(_fault(fault["loc"], fault["type"], fault["msg"]) for fault in error.errors())
        raise OperatorError(faults) from None


def _fault(location: tuple[int | str, ...], kind: str, message: str) -> str:
    name = ".".join(str(part) for part in location).upper()
    if kind == "missing":
        return f"{name} is not set: put it into the environment or into .env (see .env.example)"
    fault = message.removeprefix("Value error, ")
    return fault if fault.startswith(name) else f"{name}: {fault}"
