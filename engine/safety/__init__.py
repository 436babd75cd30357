"""Refuses what must not be drawn: the words of prompts, photos and finished pictures."""
