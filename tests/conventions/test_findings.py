"""docs/operations.md: each fault and each finding of the reliability review names existing tests, or the reason why it
remains."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("test_*.py"))
FOLDERS = {folder.as_posix() for path in TESTS for folder in Path(path).parents}
FINDINGS = ["C1", *(f"H{number}" for number in range(1, 7)), *(f"M{number}" for number in range(1, 13))]
FAULTS, REVIEW = "## Faults: the reaction of the service, and the test", "## Findings of the reliability review"
BURST = "### A command during a burst"


def rows(heading: str) -> list[list[str]]:
    """The cells of each row below the heading."""
    section = (ROOT / "docs/operations.md").read_text().partition(f"{heading}\n")[2].partition("\n## ")[0]
    table = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("|")]
    return table[2:]


def missing(cell: str) -> list[str]:
    """The names in the cell that are no file or folder of tests, and no test of the files that it names."""
    names = re.findall(r"`((?:tests/|[\w/]*\btest_)[\w./]*)`", cell)
    files = [path for name in names for path in TESTS if name.endswith(".py") and f"/{path}".endswith(f"/{name}")]
    content = "\n".join((ROOT / path).read_text() for path in files)
    return [
        name
        for name in names
        if not (any(path.endswith(name) for path in files) if name.endswith(".py") else name.rstrip("/") in FOLDERS)
        and f"def {name}(" not in content
    ]


@pytest.mark.parametrize("row", rows(FAULTS) + rows(BURST) + rows(REVIEW), ids=lambda row: row[0][:40])
def test_a_row_names_tests_that_exist_or_says_why_it_stays(row: list[str]) -> None:
    cell = row[-1]
    assert missing(cell) == []
    assert (
        re.search(r"`(tests/)?[\w/]*test_|`tests/\w", cell)
        or "stays: " in cell
        or "load run" in cell
        or "table of faults" in cell
    )


def test_every_finding_with_a_number_has_a_row() -> None:
    named = {number for row in rows(REVIEW) for number in re.findall(r"\b[CHM]\d+\b", row[0])}
    assert named == set(FINDINGS)


def test_a_name_that_is_gone_is_noticed() -> None:
    assert missing("`tests/conventions/test_findings.py`: `test_a_name_that_is_gone_is_noticed`") == []
    assert missing("`test_findings.py`: `test_that_never_was`") == ["test_that_never_was"]
    assert missing("`tests/nowhere/test_findings.py`") == ["tests/nowhere/test_findings.py"]
