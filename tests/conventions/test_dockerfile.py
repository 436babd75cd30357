"""The Dockerfile keeps the rules of hadolint that matter here, and the bot's image has no torch."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def instructions() -> list[tuple[str, str]]:
    """(instruction, arguments) of every line, continuations joined, comments left out."""
    text = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text("utf-8"))
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return [(name.upper(), " ".join(rest.split())) for name, _, rest in (line.partition(" ") for line in lines)]


def stages() -> dict[str, list[tuple[str, str]]]:
    """Name -> the instructions of a stage, FROM first."""
    found: dict[str, list[tuple[str, str]]] = {}
    name = ""
    for instruction, arguments in instructions():
        if instruction == "FROM":
            name = arguments.split()[-1]
            found[name] = []
        found[name].append((instruction, arguments))
    return found


def all_of(name: str) -> list[str]:
    return [arguments for instruction, arguments in instructions() if instruction == name]


IMAGES = sorted(stages().keys() - {"base"})


def test_there_are_two_images() -> None:
    assert IMAGES == ["bot", "worker"]


def test_images_are_named_with_a_version() -> None:
    """DL3006, DL3007."""
    outside = [arguments.split()[0] for arguments in all_of("FROM") if arguments.split()[0] not in stages()]
    assert outside and all(re.search(r":\d", image) for image in outside)


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_ends_as_a_user_without_rights(image: str) -> None:
    """DL3002; what comes after USER is done by that user."""
    users = [arguments for instruction, arguments in stages()[image] if instruction == "USER"]
    assert users and users[-1] not in ("root", "0")
    created = [arguments for instruction, arguments in stages()["base"] if "useradd" in arguments]
    assert created and users[-1] in created[0]


def test_commands_are_in_exec_form() -> None:
    """DL3025: a shell in between would not pass SIGTERM on."""
    commands = all_of("CMD") + all_of("ENTRYPOINT")
    assert commands and all(isinstance(json.loads(command), list) for command in commands)


def test_packages_leave_no_caches_behind() -> None:
    """DL3009, DL3015, DL3042, and no upgrade of the base image (DL3005)."""
    for command in all_of("RUN"):
        if "apt-get install" in command:
            assert "--no-install-recommends" in command and "-y" in command
            assert "rm -rf /var/lib/apt/lists/*" in command and "apt-get update" in command
        if "pip install" in command:
            assert "--no-cache-dir" in command and "-c constraints.txt" in command
        assert "upgrade" not in command and "sudo" not in command


def test_files_are_copied_by_name_into_absolute_folders() -> None:
    """DL3000, DL3020; a whole folder would bring secrets and caches."""
    assert all_of("ADD") == []
    assert all(path.startswith("/") for path in all_of("WORKDIR"))
    sources = [source for arguments in all_of("COPY") for source in arguments.split()[:-1]]
    assert "." not in sources and all((ROOT / source).exists() for source in sources)


def test_no_secret_is_built_in() -> None:
    assert not any(
        re.search("TOKEN|SECRET|PASSWORD|KEY", f"{arguments}") for arguments in all_of("ENV") + all_of("ARG")
    )
    ignored = (ROOT / ".dockerignore").read_text("utf-8").split()
    assert {".env", ".git", ".stack"} <= set(ignored)


def test_the_bots_image_installs_the_bots_group_alone() -> None:
    """tests/conventions/test_groups.py holds that this group brings no torch."""
    installs = {
        name: [arguments for instruction, arguments in steps if "pip install" in arguments]
        for name, steps in stages().items()
    }
    assert installs["base"] == []
    assert [re.findall(r"\.\[(\w+)\]", each) for each in installs["bot"]] == [["bot"]]
    assert [re.findall(r"\.\[(\w+)\]", each) for each in installs["worker"]] == [["engine"]]


@pytest.mark.parametrize("image", IMAGES)
def test_code_is_copied_after_the_packages_are_installed(image: str) -> None:
    """Otherwise each change of the code installs torch again."""
    steps = stages()["base"] + stages()[image]
    installed = next(number for number, (_, arguments) in enumerate(steps) if "pip install" in arguments)
    code = [number for number, (name, arguments) in enumerate(steps) if name == "COPY" and "pyproject" not in arguments]
    assert code and min(code) > installed


def test_the_bots_image_has_the_contract_and_no_weights() -> None:
    """The bot imports no other package of the engine (tests/conventions/test_arrows.py)."""
    copied = [arguments for name, arguments in stages()["base"] + stages()["bot"] if name == "COPY"]
    assert [each for each in copied if "engine" in each] == [
        "engine/__init__.py engine/",
        "engine/contract engine/contract",
    ]
