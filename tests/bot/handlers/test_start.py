"""Arriving: what this is, consent, language, help."""

from __future__ import annotations
