"""Options of a crawl: each mistake is one line that says what to change, and nothing is requested."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from trainer.crawl.__main__ import CONFIG_EXAMPLE, main
from trainer.crawl.errors import CrawlError, one_line
from trainer.crawl.options import CrawlOptions
from trainer.crawl.site import THEPLACE, load_site


def options(**changed: Any) -> CrawlOptions:
    values = {"start_url": "https://example.org/", "out": Path("x"), "user_agent": "b/1 (+me@example.org)"}
    return CrawlOptions.model_validate(values | changed)


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"user_agent": "Mozilla/5.0"}, "user_agent: expected a user agent with an e-mail or a web address"),
        ({"start_url": "ftp://example.org/"}, "start_url: expected a web address"),
        ({"delay_s": 0.1}, "expected --delay of at least 0.5 s"),
        ({"min_images": 9, "max_images": 5}, "expected --max-images of at least --min-images"),
        ({"max_persons": 0}, "max_persons: Input should be greater than or equal to 1, got '0'"),
        ({"obey_robots": False}, "obey_robots: Extra inputs are not permitted"),
    ],
)
def test_a_wrong_option_is_one_line(changed: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError) as caught:
        options(**changed)
    line = str(one_line(caught.value, "options"))
    assert complaint in line
    assert "\n" not in line


def test_a_short_delay_is_allowed_on_this_machine_only() -> None:
    assert options(start_url="http://127.0.0.1:80/", delay_s=0).delay_s == 0
    assert options(start_url="http://localhost/", delay_s=0).delay_s == 0


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("picture_links: a", "person_links: Field required"),
        ("person_links: 'a['\npicture_links: a", "person_links: expected a CSS selector"),
        ("person_links: a\npicture_links: a\nnext_page: a\npage_parameter: p", "next_page or page_parameter, got both"),
        ("person_links: a\npicture_links: a\nphoto_count_pattern: none", "with one group"),
        ("person_links: a\npicture_links: a\nobey: no", "obey: Extra inputs are not permitted"),
        ("person_links: [", "expected YAML in"),
    ],
)
def test_a_wrong_description_of_a_site_is_one_line(tmp_path: Path, content: str, complaint: str) -> None:
    (tmp_path / "site.yaml").write_text(content)
    with pytest.raises(CrawlError, match=r"site\.yaml") as caught:
        load_site(tmp_path / "site.yaml")
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_description_of_a_windows_editor_is_read(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text("person_links: a\npicture_links: b\n", "utf-8-sig")
    assert load_site(tmp_path / "site.yaml").person_links == "a"


def test_a_description_that_is_not_there_names_the_option(tmp_path: Path) -> None:
    with pytest.raises(CrawlError, match="check --config"):
        load_site(tmp_path / "none.yaml")


def test_a_site_can_be_written_down_and_read_again(tmp_path: Path) -> None:
    (tmp_path / "theplace.yaml").write_text(yaml.safe_dump(THEPLACE.model_dump(mode="json", exclude_none=True)))
    assert load_site(tmp_path / "theplace.yaml") == THEPLACE


def test_the_command_asks_for_a_contact_before_it_asks_the_site_anything(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["theplace", "--start-url", "http://127.0.0.1:9/", "--out", str(tmp_path / "out")]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("crawl: expected --contact ADDRESS")
    assert printed.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_the_example_in_the_help_is_a_description_that_loads(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text("\n".join(CONFIG_EXAMPLE.splitlines()[1:]))
    assert load_site(tmp_path / "site.yaml").also_hosts == ("images.example.org",)
