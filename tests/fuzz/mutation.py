"""JSON that was changed at random places: what another program, a later release or a forger may send."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**65), 2**65),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=40),
    st.sampled_from(
        ["", "\0", "a\0b", "💥" * 50, "<b>", "/start x", "/help@other_bot", "\N{RIGHT-TO-LEFT OVERRIDE}rtl", "x" * 5000]
    ),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values in a JSON value, its own included."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, each in inner for place in places(each, (*path, key)))]


@st.composite
def mutated(draw: st.DrawFn, whole: Any, changes_max: int = 4) -> Any:
    """`whole` with up to `changes_max` of its values replaced, removed or added."""
    root = {"root": copy.deepcopy(whole)}
    for _ in range(draw(st.integers(0, changes_max))):
        path = draw(st.sampled_from([place for place in places(root) if place]))
        holder: Any = root
        for key in path[:-1]:
            holder = holder[key]
        match draw(st.sampled_from(["replace", "remove", "add"])):
            case "replace":
                holder[path[-1]] = draw(VALUES)
            case "remove" if path != ("root",):
                del holder[path[-1]]
            case _ if isinstance(holder[path[-1]], dict):
                holder[path[-1]][draw(st.text(max_size=12))] = draw(VALUES)
            case _ if isinstance(holder[path[-1]], list):
                holder[path[-1]].append(draw(VALUES))
    return root["root"]
