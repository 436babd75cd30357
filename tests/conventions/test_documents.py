"""The documents for people: plain terms, links that lead somewhere, a short README."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / ".env.example",
    *(
        ROOT / "docs" / f"{name}.md"
        for name in (
            "api",
            "architecture",
            "bench",
            "credits",
            "features",
            "nano",
            "operations",
            "operators",
            "photos",
            "settings",
            "training",
        )
    ),
    *sorted((ROOT / "engine" / "weights").rglob("README.md")),
]
FEATURES = ROOT / "docs" / "features.md"
README_WORDS_MAX = 600
DIALECT = {
    r"\b(?:told|tells)\b": "input, prompt, caption, print or say",
    r"\b(?:foretold|foretells?)\b": "predicted",
    r"\bstand-ins?\b": "retrieved body",
    r"\b(?:walks?|walked)\b": "sampling, steps",
    r"\bdrafts?\b": "initial image",
    r"\bin line\b|\bthe line\b": "queue",
    r"\bpeers?\b": "baseline",
    r"\bexaminers\b": "evaluators",
    r"\bthe observer\b": "person parser",
    r"\brules of the house\b": "rules of the code base",
    r"\banew\b": "again",
    r"\bwhoever\b": "a person who",
    r"\b(?:a|one) (?:router|folder|line) a \w+": "per",
}
CODE = re.compile(r"`[^`]*`")
GENERATED = re.compile(r"^\| |the observer sees on it")
"""Lines of docs/nano.md that `python -m trainer gates` writes."""


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_documents_use_plain_terms(path: Path) -> None:
    wrong = [
        f"{number}: write {better!r}: {line}"
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if path.name != "nano.md" or not GENERATED.search(line)
        for term, better in DIALECT.items()
        if re.search(term, CODE.sub("", line), re.IGNORECASE)
    ]
    assert wrong == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files(path: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", path.read_text("utf-8"))
    missing = [link for link in links if "://" not in link and not (path.parent / link).exists()]
    assert missing == []


def test_the_table_of_features_names_tests_that_exist() -> None:
    rows = [line for line in FEATURES.read_text("utf-8").splitlines() if line.startswith("| ")]
    for row in rows:
        folder = ROOT / "tests"
        named = re.findall(r"`([a-z_/]+\.py)`(?:: ((?:`test_\w+`(?:, )?)+))?", row)
        assert named or " no " in row or "built" in row or "---" in row, row
        for file, tests in named:
            source = (folder / file).read_text("utf-8")
            for name in re.findall(r"`(test_\w+)`", tests):
                assert f"def {name}(" in source, f"{file} has no {name}"


def test_the_readme_is_short_and_names_the_three_commands() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert len(readme.split()) <= README_WORDS_MAX
    assert all(f"\n    make {command} " in readme for command in ("demo", "test", "run"))
