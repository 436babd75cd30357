"""doctor reports present and missing weights, and downloads them from a hub that may cut connections."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import threading
from collections import namedtuple
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from diffusers import Flux2KleinPipeline
from huggingface_hub import constants

from engine import doctor
from engine.__main__ import main
from engine.backbones.loading import Family
from engine.backbones.options import file_place, folder_place
from engine.backbones.sd15 import SD15
from engine.backbones.sdxl import SDXL
from engine.commands import DONE, MISUSED
from engine.config import Config
from engine.errors import SetupError
from engine.hub.catalogue import Weights, load_catalogue
from engine.hub.repositories import HuggingFaceHub

KLEIN = "black-forest-labs/FLUX.2-klein-4B"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class FakeHub:
    """Repository name -> folder. `served` holds (path, first byte) of every GET of a file."""

    repositories: dict[str, Path]
    url: str = ""
    gated: set[str] = field(default_factory=set)
    break_once: dict[str, int] = field(default_factory=dict)
    """File name -> bytes after which the connection is cut, once."""
    forbidden: set[str] = field(default_factory=set)
    """Names of files that answer 403."""
    served: list[tuple[str, int]] = field(default_factory=list)

    def split(self, path: str) -> tuple[str, str]:
        """/owner/name/resolve/main/file -> repository and file."""
        owner, name, _, _, file = path.strip("/").split("/", 4)
        return f"{owner}/{name}", file


@contextmanager
def serving(hub: FakeHub) -> Iterator[FakeHub]:
    """Runs it for a while; sets its `url`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *arguments: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self._file(body=False)

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path.startswith("/api/models/"):
                self._listing(path.removeprefix("/api/models/").partition("/revision/")[0])
            elif "/resolve/" in path:
                self._file(body=True)
            else:
                self._refuse(404, "")

        def _listing(self, repository: str) -> None:
            folder = hub.repositories.get(repository)
            if folder is None:
                return self._refuse(404, "RepoNotFound")
            if repository in hub.gated:
                return self._refuse(403, "GatedRepo")
            files = sorted(path for path in folder.rglob("*") if path.is_file())
            siblings = [{"rfilename": p.relative_to(folder).as_posix(), "size": p.stat().st_size} for p in files]
            content = json.dumps({"id": repository, "sha": COMMIT, "siblings": siblings}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _file(self, body: bool) -> None:
            repository, file = hub.split(self.path)
            path = hub.repositories[repository] / file
            if file in hub.forbidden:
                return self._refuse(403, "")
            content = path.read_bytes()
            first = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
            self.send_response(206 if first else 200)
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("Content-Length", str(len(content) - first))
            if first:
                self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
            self.end_headers()
            if not body:
                return
            hub.served.append((file, first))
            until = hub.break_once.pop(file, None)
            self.wfile.write(content[first:until])
            if until is not None:
                self.wfile.flush()
                self.close_connection = True

        def _refuse(self, status: int, code: str) -> None:
            self.send_response(status)
            self.send_header("X-Error-Code", code)
            self.send_header("Content-Length", "0")
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def hub(klein_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A hub with a tiny klein, an empty cache, and a home without anything."""
    for name in [name for name in os.environ if name.startswith("ENGINE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    handlers = list(logging.getLogger().handlers)
    with serving(FakeHub({KLEIN: klein_folder})) as served:
        monkeypatch.setenv("HF_ENDPOINT", served.url)
        yield served
    logging.getLogger().handlers = handlers


def klein_row(config: Config | None = None) -> doctor.Finding:
    report = doctor.examine_installation("klein", config or Config(), HuggingFaceHub())
    (row,) = (finding for finding in report.findings if finding.weights.name == "klein")
    return row


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_missing_is_reported_with_size_licence_and_remedy(
    hub: FakeHub, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--backbone", "klein"]) == MISUSED
    printed = capsys.readouterr().out
    assert all(
        word in printed for word in ("torch 2.", KLEIN, "Apache-2.0", "MISSING", "add --download", "ENGINE_WEIGHTS")
    )


def test_what_is_missing_is_fetched_and_loads_from_the_cache(hub: FakeHub, klein_folder: Path, tmp_path: Path) -> None:
    assert not klein_row().present
    main(["doctor", "--backbone", "klein", "--download", "klein"])
    row = klein_row()
    assert row.present and row.folder is not None
    fetched = files_of(row.folder)
    assert fetched == {name: content for name, content in files_of(klein_folder).items() if name in fetched}
    pipeline = Flux2KleinPipeline.from_pretrained(KLEIN, cache_dir=tmp_path / "cache", local_files_only=True)
    assert pipeline.config.is_distilled


def test_a_connection_that_breaks_is_taken_up_where_it_broke(
    hub: FakeHub, klein_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1000)  # less than a chunk is not kept
    broken = "transformer/diffusion_pytorch_model.safetensors"
    hub.break_once[broken] = 5000
    advanced: list[int] = []
    HuggingFaceHub().fetch(KLEIN, broken, advanced.append)
    assert [first for name, first in hub.served if name == broken] == [0, 5000]
    assert sum(advanced) == (klein_folder / broken).stat().st_size
    folder = HuggingFaceHub().folder(KLEIN)
    assert folder is not None and (folder / broken).read_bytes() == (klein_folder / broken).read_bytes()


def test_after_a_failure_only_the_rest_is_fetched(hub: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
    last = "vae/diffusion_pytorch_model.safetensors"
    hub.forbidden.add(last)
    assert main(["doctor", "--backbone", "klein", "--download", "klein"]) == MISUSED
    (complaint,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("engine: ")]
    assert last in complaint and "try again" in complaint
    row = klein_row()
    assert not row.present and row.missing == ("vae/*.safetensors",)
    before = {name for name, _ in hub.served}
    hub.served.clear()
    hub.forbidden.clear()
    main(["doctor", "--backbone", "klein", "--download", "klein"])
    assert len(before) > 5 and {name for name, _ in hub.served} == {last}
    assert klein_row().present


def test_a_folder_of_the_operators_takes_the_place_of_the_hub(hub: FakeHub, klein_folder: Path) -> None:
    row = klein_row(Config(weights=klein_folder))
    assert row.present and row.folder == klein_folder
    assert row.bytes == sum(map(len, files_of(klein_folder).values()))


def test_what_is_there_and_not_used_is_reported_with_its_setting(hub: FakeHub, tmp_path: Path) -> None:
    name = "usyd-community/vitpose-base-simple"
    hub.repositories[name] = tmp_path / "vitpose"
    hub.repositories[name].mkdir()
    for file in ("config.json", "preprocessor_config.json", "model.safetensors"):
        (hub.repositories[name] / file).write_text("{}")
        HuggingFaceHub().fetch(name, file, lambda _: None)
    folder = HuggingFaceHub().folder(name)
    report = doctor.examine_installation("nano", Config(), HuggingFaceHub())
    assert report.notes == (f"keypoints is there; ENGINE_POSE_MODEL={folder} puts it to use",)
    assert not doctor.examine_installation("nano", Config(pose_model=folder), HuggingFaceHub()).notes


def test_a_shard_that_an_index_names_is_missed(tmp_path: Path, klein_folder: Path) -> None:
    (klein,) = (weights for weights in load_catalogue() if weights.name == "klein")
    folder = tmp_path / "klein"
    shutil.copytree(klein_folder, folder)
    assert klein.lacking(folder) == []
    shards = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (folder / "text_encoder" / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))
    (folder / "text_encoder" / "model.safetensors").rename(folder / "text_encoder" / shards["a"])
    assert klein.lacking(folder) == [f"text_encoder/{shards['b']}"]


def test_sizes_come_from_the_hub_and_from_the_parameters_where_it_is_silent(
    hub: FakeHub, klein_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = klein_row()
    assert entry.bytes == sum(map(len, files_of(klein_folder).values())) and not entry.estimated
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    alone = klein_row()
    assert alone.estimated and alone.bytes == alone.weights.estimate


@pytest.mark.parametrize(
    ("settings", "name", "files", "needed"),
    [
        ({}, "sdxl-lightning", ("sdxl_lightning_4step_lora.safetensors",), True),
        ({"distilled": "lcm"}, "sdxl-lightning", ("sdxl_lightning_4step_lora.safetensors",), False),
        ({"distilled": "lcm"}, "lcm-lora-sdxl", ("pytorch_lora_weights.safetensors",), True),
        ({"distilled": "none"}, "sdxl-lightning", None, None),
        ({"controlnet": "none"}, "pose-sdxl", None, None),
        ({"translator": "glossary"}, "translation", None, None),
        ({"controlnet": "some/union"}, "pose-sdxl", ("config.json", "diffusion_pytorch_model.safetensors"), True),
        ({"body_adapter": "some/adapters/sdxl/mine.bin"}, "ip-adapter-sdxl", ("sdxl/mine.bin",), True),
        ({"image_encoder": "a/b/c/d"}, "image-encoder", ("c/d/config.json", "c/d/model.safetensors"), True),
    ],
)
def test_what_is_wanted_follows_the_settings(
    settings: dict[str, str], name: str, files: tuple[str, ...] | None, needed: bool | None
) -> None:
    (entry,) = (weights for weights in load_catalogue() if weights.name == name)
    configured = doctor.as_configured(entry, Config(**settings))
    assert (
        (files, needed) == (None, None)
        if configured is None
        else (configured.files, configured.needed) == (files, needed)
    )


def test_half_precision_files_are_wanted_where_halves_are_drawn() -> None:
    (sdxl,) = (weights for weights in load_catalogue() if weights.name == "sdxl")
    half = doctor.as_configured(sdxl, Config(device="cuda"))
    full = doctor.as_configured(sdxl, Config(device="cpu"))
    assert half is not None and full is not None
    assert "unet/diffusion_pytorch_model.fp16.safetensors" in half.files
    assert "unet/diffusion_pytorch_model.safetensors" in full.files and full.estimate == 2 * (half.estimate or 0)


def test_a_full_disk_is_reported_before_anything_is_fetched(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage(10**10, 10**10, 1000))
    assert main(["doctor", "--backbone", "klein", "--download", "klein"]) == MISUSED
    complaint = capsys.readouterr().err
    assert "HF_HOME" in complaint and not hub.served


def test_a_repository_behind_a_licence_has_its_own_remedy(hub: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
    hub.gated.add(KLEIN)
    assert main(["doctor", "--backbone", "klein", "--download", "klein"]) == MISUSED
    (complaint,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("engine: ")]
    assert "HF_TOKEN" in complaint


def test_a_repository_that_has_changed_has_its_own_remedy(
    hub: FakeHub, tmp_path: Path, klein_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(klein_folder, changed)
    shutil.rmtree(changed / "vae")
    hub.repositories[KLEIN] = changed
    assert main(["doctor", "--backbone", "klein", "--download", "klein"]) == MISUSED
    assert "vae/*.json, vae/*.safetensors" in capsys.readouterr().err


def test_the_shipped_backbone_needs_nothing_and_the_facts_are_json(
    hub: FakeHub, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--backbone", "nano", "--json"]) == DONE
    facts: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert facts["ready"] and facts["backbone"] == "nano" and not facts["problems"]
    assert facts["machine"]["disk_free"] > 0 and facts["packages"]["torch"]
    assert all(not row["needed"] for row in facts["findings"])


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (["--backbone", "marvel"], "'marvel'"),
        (["--backbone", "klein", "--download", "everything"], "expected one of needed, all, klein"),
    ],
)
def test_a_wrong_name_is_one_line(
    hub: FakeHub, arguments: list[str], printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", *arguments]) == MISUSED
    (complaint,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("engine: ")]
    assert printed in complaint


def test_the_catalogue_is_whole() -> None:
    entries = load_catalogue()
    assert len({entry.name for entry in entries}) == len(entries)
    for entry in entries:
        assert bool(entry.repository) == (entry.source == "hub"), entry.name
        assert not entry.setting or entry.setting in Config.model_fields, entry.name
        assert entry.files and entry.backbones, entry.name


@pytest.mark.parametrize("family", [SD15, SDXL], ids=["sd15", "sdxl"])
def test_the_catalogue_lists_what_the_backbones_read(family: Family) -> None:
    listed = [entry for entry in load_catalogue() if family.name in entry.backbones]
    files = [file_place(few.lora) for few in family.few_steps.values()]
    files += [file_place(family.body_adapter), file_place(family.face_adapter)]
    for place in files:
        path = "/".join(filter(None, (place.subfolder, place.name)))
        assert any(entry.repository == place.source and path in entry.files for entry in listed), place
    for text in filter(None, (family.repository, family.image_encoder, family.controlnet, family.preview, family.vae)):
        place = folder_place(text)
        path = "/".join(filter(None, (place.subfolder, "config.json")))
        found = [entry.files for entry in listed if entry.repository == place.source]
        assert any(path in names or "model_index.json" in names for names in found), place
    by_default = family.few_steps[family.distilled].lora
    needed = {entry.repository for entry in listed if entry.needed and entry.few_steps}
    assert needed == {file_place(by_default).source}


def test_an_unknown_key_in_the_catalogue_is_refused() -> None:
    with pytest.raises(ValueError, match="extra"):
        Weights(**(load_catalogue()[0].model_dump() | {"license": "x"}))


def test_space_is_left_free() -> None:
    doctor.check_space(10**9, 3 * 10**9, Path("cache"))
    with pytest.raises(SetupError, match=r"expected 3.0 GB free in cache, got 2.5"):
        doctor.check_space(2 * 10**9, 2_500_000_000, Path("cache"))


def test_the_operators_page_states_the_licence_of_everything_in_the_catalogue() -> None:
    page = (Path(__file__).parents[2] / "docs" / "operators.md").read_text("utf-8")
    rows = [line.split("|")[1:-1] for line in page.splitlines() if line.startswith("| `")]
    stated = {
        name.strip(" `"): (cells[2].strip(), cells[3].strip(" *"))
        for cells in rows
        if len(cells) == 4
        for name in cells[0].split(",")
    }
    expected = {entry.name: (entry.licence, "yes" if entry.commercial_use else "no") for entry in load_catalogue()}
    assert stated == expected
