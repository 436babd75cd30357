"""Binds colours and patterns of a prompt to garments, and colours and lengths to hair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from engine.backbones.nano.prompt_items import MODIFIERS, TRANSPARENT, Item

HAIR_COLOURS: Final = {
    "black": "black",
    "brown": "brown",
    "yellow": "blond",
    "beige": "blond",
    "orange": "red",
    "red": "red",
    "grey": "grey",
    "white": "white",
    "blue": "blue",
    "navy": "blue",
    "turquoise": "blue",
    "pink": "pink",
}
"""The hair colour that a colour of things is nearest to; green and purple hair is not drawn."""
COLOURS_OF_HAIR: Final = {"blond": "yellow", "red": "orange"}
"""The garment's colour where the prompt uses a word for hair colours: «рыжая куртка»."""
SHADES_OF_HAIR: Final = {"dark": "black", "light": "blond"}
HAIR: Final = ("hair", "hair_noun")
WORN: Final = ("in", "wearing")
BACKDROP_COLOURS: Final = ("grey", "white")


@dataclass
class Bound:
    """The meaning of a prompt's modifiers. `lone`: colours that belong to nothing; `undrawn`: modifiers of things that
    cannot show them."""

    hair_colour: str | None = None
    hair_length: str | None = None
    backdrop: bool = False
    lone: list[tuple[Item, bool, bool]] = field(default_factory=list)
    """A colour, whether "in" or "wearing" stands before it, whether all that is worn has it."""
    undrawn: list[Item] = field(default_factory=list)


def bind(items: Sequence[Item]) -> Bound:
    """Gives the items their colours and patterns."""
    bound = Bound()
    at = 0
    while at < len(items):
        if items[at].kind not in MODIFIERS:
            at += 1
            continue
        end = _group_end(items, at)
        group = [item for item in items[at:end] if item.kind in MODIFIERS]
        anchor = _anchor(items, at, end)
        for modifier in group:
            if modifier.negated or (anchor is not None and anchor.negated):
                continue
            _give(modifier, anchor, bound, *_before(items, at))
        at = end
    return bound


def _group_end(items: Sequence[Item], at: int) -> int:
    """Modifiers in a row, "and" between two colours included."""
    end = at + 1
    while end < len(items):
        if items[end].kind in MODIFIERS:
            end += 1
        elif (
            items[end].kind == "and"
            and items[end - 1].kind == "colour"
            and end + 1 < len(items)
            and items[end + 1].kind == "colour"
        ):
            end += 2
        else:
            break
    return end


def _anchor(items: Sequence[Item], start: int, end: int) -> Item | None:
    left_first = items[end - 1].kind == "pattern_after" or (end < len(items) and items[end].kind == "colour_noun")
    left, right = _to_the_left(items, start), _to_the_right(items, end)
    return (left or right) if left_first else (right or left)


def _to_the_right(items: Sequence[Item], at: int) -> Item | None:
    while at < len(items):
        item = items[at]
        adjective = item.is_unknown and at + 1 < len(items) and items[at + 1].is_garment
        if _can_have(item) and not adjective:
            return item
        if not (item.kind in TRANSPARENT or item.kind in MODIFIERS or adjective):
            return None
        at += 1
    return None


def _to_the_left(items: Sequence[Item], start: int) -> Item | None:
    for item in reversed(items[:start]):
        if item.is_garment or item.kind in (*HAIR, "backdrop", "beard"):
            return item
        if item.kind not in TRANSPARENT and item.kind not in MODIFIERS and item.kind != "preposition":
            return None
    return None


def _can_have(item: Item) -> bool:
    kinds = (*HAIR, "beard", "glasses", "backdrop", "place", "time", "seat")
    return item.is_garment or item.is_unknown or item.kind in kinds


def _before(items: Sequence[Item], at: int) -> tuple[bool, bool]:
    """Whether "in" or "wearing", and whether "all" stands before the modifiers."""
    before = [item.meaning for item in items[max(0, at - 2) : at]]
    everything = any(meaning.kind == "adverb_all" for meaning in before)
    return everything or any(meaning.value in WORN for meaning in before[-1:]), everything


def _give(modifier: Item, anchor: Item | None, bound: Bound, is_worn: bool, everything: bool) -> None:
    """Binds a modifier to its anchor. `is_worn` and `everything` concern a colour that belongs to nothing."""
    kind, value = modifier.kind, modifier.meaning.value
    if anchor is None:
        _give_nobody(modifier, bound, is_worn, everything)
    elif anchor.is_unknown:
        anchor.start, anchor.end = min(anchor.start, modifier.start), max(anchor.end, modifier.end)
    elif anchor.kind in HAIR:
        _give_hair(modifier, bound)
    elif anchor.kind == "backdrop":
        bound.backdrop = bound.backdrop or kind in ("colour", "pattern", "shade")
        if kind == "colour" and value not in BACKDROP_COLOURS:
            bound.undrawn.append(modifier)
    elif anchor.is_garment:
        if kind in ("colour", "hair_colour"):
            anchor.colours.append(COLOURS_OF_HAIR.get(value, value) if kind == "hair_colour" else value)
        elif kind in ("pattern", "pattern_after"):
            anchor.pattern = value
        elif kind == "material":
            bound.undrawn.append(modifier)


def _give_hair(modifier: Item, bound: Bound) -> None:
    kind, value = modifier.kind, modifier.meaning.value
    if kind == "length":
        bound.hair_length = bound.hair_length or value
        return
    colour = {"hair_colour": value, "colour": HAIR_COLOURS.get(value), "shade": SHADES_OF_HAIR.get(value)}.get(kind)
    if colour is None and kind == "colour":
        bound.undrawn.append(modifier)
    bound.hair_colour = bound.hair_colour or colour


def _give_nobody(modifier: Item, bound: Bound, is_worn: bool, everything: bool) -> None:
    if modifier.kind == "hair_colour":
        bound.hair_colour = bound.hair_colour or modifier.meaning.value
    elif modifier.kind == "colour":
        bound.lone.append((modifier, is_worn, everything))
    elif modifier.kind in ("material", "pattern", "pattern_after"):
        bound.undrawn.append(modifier)
