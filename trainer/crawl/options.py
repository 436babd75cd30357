"""The options of a crawl, checked before anything is requested."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

PRODUCT = "BoLID-crawler"
MINIMUM_DELAY_S = 0.5


class CrawlOptions(BaseModel):
    """Limits and delays of one run. Times are in seconds, sides in pixels, sizes in bytes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    start_url: str
    out: Path
    user_agent: str
    min_images: int = Field(default=1, ge=1)
    max_images: int | None = Field(default=None, ge=1)
    max_persons: int | None = Field(default=None, ge=1)
    delay_s: float = Field(default=2.0, ge=0, le=3600)
    concurrency: int = Field(default=1, ge=1, le=8)
    timeout_s: float = Field(default=30.0, gt=0, le=600)
    retries: int = Field(default=3, ge=0, le=10)
    backoff_s: float = Field(default=5.0, ge=0, le=600)
    min_side_px: int = Field(default=1000, ge=1)
    max_bytes: int = Field(default=30 * 2**20, ge=1)
    seed: int = 0
    relist: bool = False

    @field_validator("start_url")
    @classmethod
    def _is_a_web_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("expected a web address such as https://example.org/photos/")
        return url

    @field_validator("user_agent")
    @classmethod
    def _says_whom_to_write_to(cls, user_agent: str) -> str:
        if not re.search(r"\S+@\S+|https?://\S+", user_agent) or not user_agent.isprintable():
            raise ValueError("expected a user agent with an e-mail or a web address in it (--contact adds yours)")
        return user_agent

    @model_validator(mode="after")
    def _limits_agree(self) -> CrawlOptions:
        if self.max_images is not None and self.max_images < self.min_images:
            raise ValueError("expected --max-images of at least --min-images")
        if self.delay_s < MINIMUM_DELAY_S and not _is_this_machine(self.start_url):
            raise ValueError(f"expected --delay of at least {MINIMUM_DELAY_S} s for a site that is not on this machine")
        return self


def _is_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
