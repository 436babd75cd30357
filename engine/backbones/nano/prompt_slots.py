"""Fills slots with the items of a prompt: one value per slot. An item whose slot has another value already is not
drawn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from engine.backbones.nano.attributes import SLOTS, Attributes
from engine.backbones.nano.prompt_binding import Bound
from engine.backbones.nano.prompt_items import Item

WEAK: Final = {"place": ("street", "room"), "pose": ("standing",), "framing": ("portrait",)}
"""Values that give way to any other value of their slot, and are not reported as ignored: «дома на кухне» is a
kitchen."""
NEGATIVE: Final = {"hat": "none", "bag": "none", "beard": "no", "glasses": "no"}
OUTER: Final = ("jacket", "coat")
HAIR_BY_DETAIL: Final = ("bald", "buzz", "bun", "ponytail", "bob", "curly", "short", "long")
"""Hair styles, the most special first; of two styles the more special one is drawn: "long hair in a bun" is a bun."""
TIMES: Final = {
    "night": ({None: "night_city", "street": "night_city"}, ("night_city", "space")),
    "snow": ({None: "winter_street", "street": "winter_street"}, ("winter_street", "mountains")),
}
"""The place that night or snow turns another into, and the places that already show it."""

Choice = tuple[Attributes, list[Item]]
"""Slots and the items that are not drawn."""


def attributes_of(items: Sequence[Item], bound: Bound) -> Choice:
    mentions = [item for item in items if not item.negated]
    undrawn = list(bound.undrawn)
    attributes: Attributes = {}
    for slots, left_out in (
        _scene(mentions, bound),
        _person(mentions, bound),
        _clothes(mentions),
        _lone_colours(bound),
    ):
        attributes = slots | attributes
        undrawn += left_out
    attributes = _outfit(mentions) | attributes
    for item in items:
        if item.negated and item.kind in NEGATIVE:
            attributes.setdefault(item.kind, NEGATIVE[item.kind])
    return {slot: attributes[slot] for slot in SLOTS if slot in attributes}, undrawn


def _scene(mentions: Sequence[Item], bound: Bound) -> Choice:
    attributes: Attributes = {}
    undrawn: list[Item] = []
    for slot in ("place", "framing", "pose"):
        value, left_out = _strongest(slot, [item for item in mentions if item.kind == slot])
        if value is not None:
            attributes[slot] = value
        undrawn += left_out
    if "pose" not in attributes or attributes["pose"] == "standing":
        attributes |= {"pose": "sitting"} if any(item.kind == "seat" for item in mentions) else {}
    for time in (item for item in mentions if item.kind == "time"):
        makes, shown_by = TIMES[time.meaning.value]
        place = attributes.get("place")
        if place in makes:
            attributes["place"] = makes[place]
        elif place not in shown_by:
            undrawn.append(time)
    if bound.backdrop:
        attributes.setdefault("place", "studio")
    return attributes, undrawn


def _strongest(slot: str, items: Sequence[Item]) -> tuple[str | None, list[Item]]:
    """The first value, weak ones last, and the items of other strong values."""
    strong = [item for item in items if item.meaning.value not in WEAK[slot]]
    if not strong:
        return (items[0].meaning.value if items else None), []
    value = strong[0].meaning.value
    return value, [item for item in strong if item.meaning.value != value]


def _person(mentions: Sequence[Item], bound: Bound) -> Choice:
    attributes: Attributes = {}
    for item in sorted(mentions, key=lambda item: item.kind == "several"):
        # hair colours are assigned to people by prompt_binding
        for slot, value in item.meaning.slots if item.kind != "hair_colour" else ():
            if slot in ("sex", "age", "hair_colour", "beard", "glasses"):
                attributes.setdefault(slot, value)
    styles = [item.meaning.value for item in mentions if item.kind == "hair"]
    styles += [bound.hair_length] if bound.hair_length else []
    if styles:
        attributes["hair"] = min(styles, key=HAIR_BY_DETAIL.index)
    if bound.hair_colour:
        attributes["hair_colour"] = bound.hair_colour
    return attributes, []


def _clothes(mentions: Sequence[Item]) -> Choice:
    attributes, undrawn = _tops(_with_slot(mentions, "top"))
    dressed = attributes.get("top") == "dress"
    bottoms = [item for item in _with_slot(mentions, "bottom") if item.meaning.attributes.get("bottom") != "dress"]
    for slot, items in [("bottom", bottoms), *((slot, _with_slot(mentions, slot)) for slot in ("shoes", "hat", "bag"))]:
        if slot == "bottom" and dressed:
            undrawn += [item for item in bottoms if "top" not in item.meaning.attributes]
            continue
        if items:
            attributes = _slots_of(items[0], slot) | attributes
            garment = items[0].meaning
            undrawn += [other for other in items[1:] if other.meaning != garment and other.kind != "several"]
    for slot in ("top", "bottom"):
        for item in (item for item in mentions if item.kind == slot and not item.meaning.value):
            attributes = _slots_of(item, slot) | attributes
    return attributes, undrawn


def _with_slot(mentions: Iterable[Item], slot: str) -> list[Item]:
    return [item for item in mentions if slot in item.meaning.attributes]


def _tops(items: Sequence[Item]) -> Choice:
    """A jacket or coat is worn over the first other top, of which only the colour shows; a dress over nothing."""
    if not items:
        return {}, []
    dresses = [item for item in items if item.meaning.attributes["top"] == "dress"]
    outer = [item for item in items if item.meaning.attributes["top"] in OUTER]
    if dresses:
        slots = _slots_of(dresses[0], "top") | _slots_of(dresses[0], "bottom")
        return slots, [item for item in items if item.meaning.attributes["top"] != "dress"]
    top = outer[0] if outer else items[0]
    attributes = _slots_of(top, "top")
    others = [item for item in items if item.meaning != top.meaning]
    if outer and others and others[0] not in outer:
        inner = _slots_of(others.pop(0), "top")
        if "top_colour" in inner:
            attributes["top_second"] = inner["top_colour"]
    return attributes, others


def _slots_of(item: Item, slot: str) -> Attributes:
    """The slot of a garment with its colour, pattern and second colour."""
    attributes = item.meaning.attributes
    slots = {name: attributes[name] for name in (slot, f"{slot}_colour") if name in attributes}
    if item.colours:
        slots[f"{slot}_colour"] = item.colours[0]
    if slot == "top" and len(item.colours) > 1 and item.colours[1] != item.colours[0]:
        slots["top_second"] = item.colours[1]
    if item.pattern and f"{slot}_pattern" in SLOTS:
        slots[f"{slot}_pattern"] = item.pattern
    return slots


def _outfit(mentions: Sequence[Item]) -> Attributes:
    """Colours of "a black outfit" for top and bottom, where the prompt names no other colour of them."""
    colours = [item.colours[0] for item in mentions if item.kind == "outfit" and item.colours]
    return {"top_colour": colours[0], "bottom_colour": colours[0]} if colours else {}


def _lone_colours(bound: Bound) -> Choice:
    """Uses the colours without a noun: "in red" colours the top, "all in black" all clothes. Other such colours are not
    drawn."""
    attributes: Attributes = {}
    undrawn: list[Item] = []
    for item, is_worn, everything in bound.lone:
        if is_worn:
            attributes.setdefault("top_colour", item.meaning.value)
        else:
            undrawn.append(item)
        if everything:
            attributes.setdefault("bottom_colour", item.meaning.value)
    return attributes, undrawn
