"""The environment of the parts: read from the process and `.env`, and cut down for a worker."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from bot.local.defaults import BOT_ID

ROOT = Path(__file__).resolve().parents[2]
WORKER_VARIABLES = frozenset(
    {
        "ALL_PROXY", "HOME", "HTTPS_PROXY", "HTTP_PROXY", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "LOGNAME", "NO_PROXY",
        "PATH", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE", "TMPDIR", "TZ", "USER",
    }
)  # fmt: skip
WORKER_PREFIXES = (
    "CUBLAS_", "CUDA_", "CUDNN_", "ENGINE_", "HF_", "HUGGINGFACE_", "LC_", "MKL_", "NCCL_", "NVIDIA_", "OMP_",
    "OPENBLAS_", "PYTHON", "PYTORCH_", "TORCH", "TQDM_", "TRITON_", "XDG_",
)  # fmt: skip
"""The variables that a worker gets, in either case: the engine's settings and those of the libraries it loads. A
backbone of one's own reads variables that begin with ENGINE_."""


def read_token(path: Path) -> str:
    """The token of the local Bot API server in this folder, drawn at the first call."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(f"{BOT_ID}:{secrets.token_hex(16)}")
    return path.read_text().strip()


def worker_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of a worker: those of WORKER_VARIABLES and WORKER_PREFIXES, and the broker."""
    shared = {
        key: value
        for key, value in environment.items()
        if key.upper() in WORKER_VARIABLES or key.upper().startswith(WORKER_PREFIXES)
    }
    return {**shared, "ENGINE_BROKER_URL": environment["BROKER_URL"]}


def read_environment(dotenv: Path = ROOT / ".env") -> dict[str, str]:
    """The process environment over the `.env` file, without empty values."""
    values = {**dotenv_values(dotenv), **os.environ}
    return {key: value for key, value in values.items() if value}
