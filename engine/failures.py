"""The reply to a request that failed, by the error that ended it."""

from __future__ import annotations

from typing import Final

from engine.contract import Failure, FailureCode, GenerateRequest
from engine.errors import BadReference, CompanionError, EngineError, ImagePromptError, PoseError, Refused, StyleError

CODES: Final[dict[type[EngineError], FailureCode]] = {
    PoseError: FailureCode.BAD_POSE,
    StyleError: FailureCode.BAD_STYLE,
    BadReference: FailureCode.BAD_REFERENCE,
    ImagePromptError: FailureCode.BAD_IMAGE_PROMPT,
    CompanionError: FailureCode.BAD_COMPANION,
}


def failure(request: GenerateRequest, code: FailureCode, detail: str = "", retry: bool = False) -> Failure:
    return Failure(job_id=request.job_id, attempt=request.attempt, code=code, detail=detail, retry=retry)


def failure_of(request: GenerateRequest, error: Exception) -> Failure:
    """Another attempt may help against what is neither the prompt's, the photo's nor the memory's fault."""
    if isinstance(error, Refused):
        return failure(request, error.code, str(error))
    for kind, code in CODES.items():
        if isinstance(error, kind):
            return failure(request, code, str(error))
    if _is_out_of_memory(error):
        return failure(request, FailureCode.OUT_OF_MEMORY, str(error).partition("\n")[0])
    return failure(request, FailureCode.INTERNAL, f"{type(error).__name__}: {error}", retry=True)


def _is_out_of_memory(error: Exception) -> bool:
    """Whether the error is about memory, by its text: CUDA's allocator says "out of memory", the CPU's "can't allocate
    memory"."""
    message = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in message or "can't allocate memory" in message
