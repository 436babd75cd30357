"""pyproject.toml, constraints.txt and the code agree on what the project needs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
GROUPS = PROJECT["optional-dependencies"]
LINES = (*PROJECT["dependencies"], *(line for group in GROUPS.values() for line in group))
REQUIREMENTS = [Requirement(line) for line in dict.fromkeys(LINES) if not line.startswith(f"{PROJECT['name']}[")]


def pinned() -> dict[str, Version]:
    """name -> version from constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = [line.partition("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): Version(version) for name, _, version in pins}


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_every_dependency_is_pinned_within_its_bounds(requirement: Requirement) -> None:
    version = pinned().get(canonicalize_name(requirement.name))
    assert version is not None, f"{requirement.name} is missing from constraints.txt: make constraints"
    assert version in requirement.specifier


def test_torch_is_the_agreed_version() -> None:
    assert pinned()["torch"] == Version("2.13.0")


def test_constraints_are_plain_pins() -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    plain = re.compile(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+")
    assert [line for line in lines if line and not line.startswith("#") and not plain.fullmatch(line)] == []


def test_constraints_say_how_to_refresh_them() -> None:
    assert "make constraints" in (ROOT / "constraints.txt").read_text("utf-8").partition("\n")[0]


def test_torchvision_is_not_pinned_in() -> None:
    assert "torchvision" not in pinned()


def test_the_licence_file_is_the_licence_that_is_named() -> None:
    assert PROJECT["license"] == "Apache-2.0"
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert "Apache License" in text and "Version 2.0, January 2004" in text and "END OF TERMS" in text
