"""The records that a crawl writes beside its pictures."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from trainer.crawl.outcome import Outcome


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RobotsState(_Record):
    """The robots.txt at the time of a request; `status`: its HTTP status, `sha256`: of its bytes."""

    url: str
    status: int
    sha256: str
    crawl_delay_s: float | None = None


class Kept(_Record):
    """A line of a person's metadata.jsonl. `page_url` is the page that shows the picture; times are ISO 8601, UTC."""

    file_name: str
    page_url: str
    image_url: str
    fetched_at: str
    sha256: str
    size_bytes: int
    width_px: int
    height_px: int
    headers: dict[str, str]
    robots: RobotsState


class RefusedPicture(_Record):
    """A line of a person's refused.jsonl. `image_url` is None where the picture's page was broken already."""

    reason: Outcome
    page_url: str
    image_url: str | None
    fetched_at: str
    sha256: str | None = None
    width_px: int | None = None
    height_px: int | None = None
    same_as: str | None = None


class PersonState(_Record):
    """A line of persons.jsonl; a person's last line counts. `listed`: the number of pictures found, `listed_all`:
    whether these are all; `exhausted`: whether all of them are kept or refused, those under `min_side_px` refused.
    """

    name: str
    url: str
    listed: int = 0
    listed_all: bool = False
    exhausted: bool = False
    min_side_px: int = 1


class Listing(_Record):
    """persons.json: the persons that a site listed, each by the address of its page."""

    start_url: str
    listed_at: str
    urls: list[str]


class CrawlRun(_Record):
    """A line of crawls.jsonl: options and outcome of a run."""

    started_at: str
    ended_at: str
    ended: str
    options: dict[str, object]
    site: dict[str, object]
    counts: dict[str, object]
    http: dict[str, int]
