"""Names and first sentences: the field's terms, no `told`, no questions, one meaning per class name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("bot", "engine", "trainer", "benchmarks", "examples", "migrations", "tests")
DIALECT = re.compile(r"(^|_)(told|foretold|foretells?)(_|$)", re.IGNORECASE)
QUESTION = re.compile(r"(whatever|whoever|what|who|whom|whose|which|how|where|when|why|whether)\b", re.IGNORECASE)
SAME_ON_BOTH_SIDES = {"Config", "Style", "Worker", "Reference"}
"""Classes of bot and engine with one meaning: the settings, a style, a worker as a row and as a process, a reference
photo as a row and in a message."""
TELEGRAM_NAMES = "bot/local/botapi/"
"""The local Bot API server names its records as Telegram names its objects."""


def python_files() -> list[Path]:
    return [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def identifiers(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, identifier) of everything that a module names: variables, attributes, arguments, functions, classes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute):
            yield node.lineno, node.attr
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.keyword) and node.arg is not None:
            yield node.value.lineno, node.arg


def test_the_rules_see_the_code() -> None:
    assert len(python_files()) > 500


def test_no_identifier_is_dialect() -> None:
    assert DIALECT.search("was_told") and DIALECT.search("Foretold") and not DIALECT.search("threshold")
    found = [
        f"{name_of(path)}:{line}: {name}; say prompt, caption, conditioning or prediction"
        for path in python_files()
        for line, name in identifiers(ast.parse(path.read_text("utf-8")))
        if DIALECT.search(name)
    ]
    assert found == []


def test_no_module_begins_with_a_question() -> None:
    assert QUESTION.match("Whose body is borrowed") and not QUESTION.match("However it ends")
    questions = [
        f"{name_of(path)}: {docstring.partition(chr(10))[0]}"
        for path in python_files()
        if (docstring := ast.get_docstring(ast.parse(path.read_text("utf-8")))) and QUESTION.match(docstring)
    ]
    assert questions == []


def classes_by_name() -> dict[str, list[str]]:
    """Public classes at the top of modules outside tests -> the files that define them."""
    found: dict[str, list[str]] = {}
    for path in python_files():
        if path.relative_to(ROOT).parts[0] == "tests":
            continue
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found.setdefault(node.name, []).append(name_of(path))
    return found


def test_a_class_name_has_one_meaning() -> None:
    by_name = {
        name: [file for file in files if not file.startswith(TELEGRAM_NAMES)]
        for name, files in classes_by_name().items()
    }
    assert {name: files for name, files in by_name.items() if len(files) > 1 and name not in SAME_ON_BOTH_SIDES} == {}
