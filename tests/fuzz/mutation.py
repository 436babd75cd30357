"""Randomly changed JSON, as another program, a later release or a forger may send it.

Hypothesis draws a seed for each input and `random` does the rest: drawing each part by Hypothesis took longer than
most of the tests. A failing input is printed whole.
"""

from __future__ import annotations

import copy
from random import Random
from typing import Any

from hypothesis import strategies as st

WORDS = ["", "\0", "a\0b", "💥" * 50, "<b>", "/start x", "/help@other_bot", "\N{RIGHT-TO-LEFT OVERRIDE}rtl", "x" * 5000]
NUMBERS = [0, 1, -1, 2**31, 2**53, 2**63, -(2**65), 0.5, 1e308, -1e-300]
SEEDS = st.integers(0, 2**63 - 1)


def _text(random: Random, longest: int) -> str:
    ends = random.choice([0x7F, 0x7FF, 0xD7FF])
    return "".join(chr(random.randint(0, ends)) for _ in range(random.randint(0, longest)))


def leaf(random: Random) -> Any:
    match random.randrange(6):
        case 0:
            return random.choice([None, True, False])
        case 1:
            return random.randint(-(2**65), 2**65)
        case 2:
            return random.uniform(-1e6, 1e6)
        case 3:
            return random.choice(NUMBERS)
        case 4:
            return random.choice(WORDS)
        case _:
            return _text(random, 40)


def value(random: Random, depth: int = 2) -> Any:
    """JSON of any shape."""
    if not depth or random.random() < 0.6:
        return leaf(random)
    if random.random() < 0.5:
        return [value(random, depth - 1) for _ in range(random.randint(0, 4))]
    return {_text(random, 12): value(random, depth - 1) for _ in range(random.randint(0, 4))}


LEAVES = SEEDS.map(lambda seed: leaf(Random(seed)))
VALUES = SEEDS.map(lambda seed: value(Random(seed)))


def places(root: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values in a JSON value, including its own."""
    inner = root.items() if isinstance(root, dict) else enumerate(root) if isinstance(root, list) else ()
    return [path, *(place for key, each in inner for place in places(each, (*path, key)))]


def mutated(whole: Any, changes_max: int = 4) -> st.SearchStrategy[Any]:
    """`whole` with up to `changes_max` of its values replaced, removed or added."""
    return SEEDS.map(lambda seed: _mutate(Random(seed), whole, changes_max))


def _mutate(random: Random, whole: Any, changes_max: int) -> Any:
    root = {"root": copy.deepcopy(whole)}
    for _ in range(random.randint(0, changes_max)):
        path = random.choice([place for place in places(root) if place])
        holder: Any = root
        for key in path[:-1]:
            holder = holder[key]
        match random.choice(["replace", "remove", "add"]):
            case "replace":
                holder[path[-1]] = value(random)
            case "remove" if path != ("root",):
                del holder[path[-1]]
            case _ if isinstance(holder[path[-1]], dict):
                holder[path[-1]][_text(random, 12)] = value(random)
            case _ if isinstance(holder[path[-1]], list):
                holder[path[-1]].append(value(random))
    return root["root"]
