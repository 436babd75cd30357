"""Describes a gallery site: which links lead to persons, to pictures and to the full image."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import yaml
from cssselect import SelectorError
from parsel.csstranslator import HTMLTranslator
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from trainer.crawl.errors import CrawlError, one_line


def _checked_selector(selector: str) -> str:
    try:
        HTMLTranslator().css_to_xpath(selector)
    except SelectorError as error:
        raise ValueError(f"expected a CSS selector ({error})") from error
    return selector


def _checked_pattern(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise ValueError(f"expected a regular expression ({error})") from error
    if groups != 1:
        raise ValueError("expected a regular expression with one group, the number of pictures")
    return pattern


Selector = Annotated[str, Field(min_length=1), AfterValidator(_checked_selector)]
Pattern = Annotated[str, AfterValidator(_checked_pattern)]


class Site(BaseModel):
    """Selectors (CSS) of one gallery site. A selector finds elements; `::attr(name)` names the attribute with the
    address, by default `href`, for the full image `src`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    index_links: Selector | None = None
    """Pages that list persons; None: the start page lists them itself."""
    person_links: Selector
    next_index: Selector | None = None
    """The next page of a list of persons."""
    picture_links: Selector
    """The links on a person's page: to picture pages, or to the images themselves where `image` is None."""
    next_page: Selector | None = None
    """The next page of a person's gallery."""
    page_parameter: str | None = None
    """Query parameter that numbers a person's further pages, which are read until one has no new links."""
    image: Selector | None = None
    """The link to the full image on a picture page."""
    photo_count: Selector | None = None
    """Elements of a person's page whose text may say how many pictures there are."""
    photo_count_pattern: Pattern = r"(\d+)"
    also_hosts: tuple[str, ...] = ()
    """Further hosts of the site, such as one that serves its images."""

    @model_validator(mode="after")
    def _one_way_to_turn_pages(self) -> Site:
        if self.next_page and self.page_parameter:
            raise ValueError("expected next_page or page_parameter, got both")
        return self


THEPLACE_START = "https://www.theplace.ru/photos/"
THEPLACE = Site(
    index_links="div.letters-list a",
    person_links="div.models_list.row.my-5 a, div.model-item a.model-link",
    picture_links="div.gallery-pics-list div.p-1 a, div.gallery-pics-list div[class*='col-6'] a",
    page_parameter="page",
    image="img.pic.big_pic",
    photo_count="p",
    # The second word is the number; a later word must name photos, or a date of birth would be read as a count.
    photo_count_pattern=r"(?i)^\s*\S+\s+(\d+)\s+(?:.*\s)?(?:фото|photo)",
)


def load_site(path: Path) -> Site:
    """The site that a YAML file describes. Raises CrawlError naming the field that is wrong."""
    try:
        content = yaml.safe_load(path.read_text("utf-8-sig"))
    except OSError as error:
        raise CrawlError(
            f"expected a YAML file of selectors at {path}, got: {error.strerror}; check --config"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise CrawlError(f"expected YAML in {path}, got: {reason}; correct that line") from error
    try:
        return Site.model_validate(content)
    except ValidationError as error:
        raise one_line(error, str(path)) from error
