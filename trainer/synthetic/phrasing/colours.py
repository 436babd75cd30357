"""The words for colours and patterns of clothes, as people type them."""

from typing import Final

from trainer.synthetic.words import Language


def _colour(en: str, ru: str) -> dict[Language, tuple[str, ...]]:
    return {"en": tuple(en.split("|")), "ru": tuple(ru.split("|"))}


COLOURS: Final[dict[str, dict[Language, tuple[str, ...]]]] = {
    "black": _colour("black|jet black|pitch black", "чёрный|угольно-чёрный"),
    "white": _colour("white|pure white|all white", "белый|белоснежный|чисто-белый"),
    "grey": _colour("grey|gray|medium grey", "серый|средне-серый"),
    "red": _colour("red|bright red|scarlet", "красный|ярко-красный|алый"),
    "green": _colour("green|emerald|emerald green", "зелёный|изумрудный|изумрудно-зелёный"),
    "blue": _colour("blue|bright blue|royal blue|cobalt blue", "синий|ярко-синий|васильковый"),
    "yellow": _colour("yellow|bright yellow|sunny yellow", "жёлтый|ярко-жёлтый|солнечно-жёлтый"),
    "orange": _colour("orange|bright orange", "оранжевый|ярко-оранжевый|апельсиновый"),
    "purple": _colour("purple|violet", "фиолетовый|пурпурный"),
    "pink": _colour("pink|rose pink|rosy", "розовый|ярко-розовый"),
    "brown": _colour("brown|chocolate brown|chocolate", "коричневый|шоколадный"),
    "beige": _colour("beige|sand-coloured|tan", "бежевый|песочный"),
    "navy": _colour("navy blue|navy|dark blue|deep blue", "тёмно-синий"),
    "turquoise": _colour("turquoise|teal|aqua", "бирюзовый|аквамариновый"),
}
"""The first is the canonical one. Russian adjectives are in the masculine nominative."""
STRIPED: Final[dict[Language, tuple[str, ...]]] = {"en": ("striped", "stripy"), "ru": ("полосатый",)}
CHECKED: Final[dict[Language, tuple[str, ...]]] = {
    "en": ("checked", "plaid", "checkered"),
    "ru": ("клетчатый",),
}
PATTERN_RU: Final = {"striped": "полоску", "checked": "клетку"}
"""«в синюю полоску»."""
