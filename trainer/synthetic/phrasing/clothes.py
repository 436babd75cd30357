"""The words for garments, bags and prints, as people type them."""

from dataclasses import dataclass
from typing import Final

from trainer.synthetic.phrasing.declension import Noun, noun
from trainer.synthetic.wardrobe import Garment


@dataclass(frozen=True)
class Clothing:
    """Nouns for one kind of garment; `plural`: the English ones are plurals."""

    en: tuple[str, ...]
    ru: tuple[Noun, ...]
    plural: bool = False


def _clothing(en: str, *ru: Noun, plural: bool = False) -> Clothing:
    return Clothing(tuple(en.split("|")), ru, plural)


def _f(word: str, rest: str = "", adjective: str = "") -> Noun:
    return noun(word, "f", rest, adjective)


def _plurals(*words: str) -> tuple[Noun, ...]:
    return tuple(noun(word, "p") for word in words)


CLOTHES: Final[dict[str, Clothing]] = {
    "t-shirt": _clothing(
        "t-shirt|tee|tshirt|tee shirt|t shirt",
        _f("футболка"),
        _f("футболочка"),
        _f("футболка", "с коротким рукавом"),
    ),
    "long-sleeved shirt": _clothing(
        "long-sleeved shirt|long sleeve shirt|long-sleeve tee|longsleeve|long-sleeved tee",
        noun("лонгслив", "m"),
        _f("футболка", "с длинным рукавом"),
        _f("кофта", "с длинным рукавом"),
    ),
    "tank top": _clothing(
        "tank top|sleeveless top|sleeveless shirt|sleeveless tee",
        _f("майка"),
        _f("маечка"),
        noun("топ", "m", "без рукавов"),
        _f("футболка", "без рукавов"),
    ),
    "shirt": _clothing(
        "button-up shirt|shirt|button-down shirt|collared shirt|buttoned shirt",
        _f("рубашка"),
        _f("рубаха"),
        _f("рубашка", "на пуговицах"),
        _f("сорочка"),
    ),
    "hoodie": _clothing(
        "hoodie|hooded sweatshirt|hoody|sweatshirt with a hood",
        noun("худи", "n"),
        _f("толстовка"),
        _f("толстовка", "с капюшоном"),
        _f("кофта", "с капюшоном"),
    ),
    "coat": _clothing(
        "coat|overcoat|open coat",
        noun("пальто", "n"),
        Noun(("пальтишко", "пальтишка", "пальтишко", "пальтишком", "пальтишке"), "n"),
    ),
    "jacket": _clothing("jacket|open jacket|casual jacket", _f("куртка"), _f("курточка"), _f("ветровка")),
    "dress": _clothing(
        "dress|frock",
        Noun(("платье", "платья", "платье", "платьем", "платье"), "n"),
        Noun(("платьице", "платьица", "платьице", "платьицем", "платьице"), "n"),
    ),
    "trousers": _clothing("trousers|pants|slacks", *_plurals("брюки", "штаны"), plural=True),
    "shorts": _clothing("shorts|short pants", *_plurals("шорты", "шортики"), plural=True),
    "skirt": _clothing("skirt", _f("юбка"), _f("юбочка")),
    "shoes": _clothing("shoes|low shoes|classic shoes", *_plurals("туфли", "полуботинки"), plural=True),
    "sneakers": _clothing(
        "sneakers|trainers|kicks|sports shoes|tennis shoes", *_plurals("кроссовки", "кеды", "кроссы"), plural=True
    ),
    "boots": _clothing("boots|high boots", *_plurals("сапоги", "ботинки", "сапожки"), plural=True),
    "cap": _clothing("cap|baseball cap|peaked cap|snapback", _f("кепка"), _f("бейсболка"), _f("кепочка")),
    "beanie": _clothing(
        "beanie|knit cap|knitted hat|knit hat|woolly hat",
        _f("шапка", "", "вязаный"),
        _f("шапка"),
        _f("шапочка"),
        _f("шапочка", "", "вязаный"),
        _f("шапка", "бини"),
    ),
    "hat": _clothing("hat|brimmed hat|classic hat", _f("шляпа"), _f("шляпа", "", "классический")),
    "sun hat": _clothing(
        "sun hat|sunhat|wide-brimmed hat|floppy hat|wide brim hat",
        _f("шляпа", "", "широкополый"),
        _f("шляпа", "с широкими полями"),
        _f("шляпа", "от солнца"),
        _f("шляпа", "", "пляжный"),
    ),
}
JEANS: Final = Clothing(("jeans",), _plurals("джинсы"), plural=True)
JEANS_COLOURS: Final = ("blue", "navy")
BAGS_SAID: Final[dict[str, Clothing]] = {
    "shoulder bag": _clothing(
        "shoulder bag|bag|crossbody bag|handbag|messenger bag", _f("сумка", "через плечо"), _f("сумка"), _f("сумочка")
    ),
    "backpack": _clothing(
        "backpack|rucksack|knapsack|back pack",
        noun("рюкзак", "m"),
        noun("рюкзак", "m", "за спиной"),
        Noun(("рюкзачок", "рюкзачка", "рюкзачок", "рюкзачком", "рюкзачке"), "m"),
        Noun(("ранец", "ранца", "ранец", "ранцем", "ранце"), "m"),
    ),
}
MOTIFS_SAID: Final[dict[str, Clothing]] = {
    "circle": _clothing(
        "circle|round print", noun("круг", "m"), Noun(("кружок", "кружка", "кружок", "кружком", "кружке"), "m")
    ),
    "star": _clothing("star|star print", _f("звезда"), _f("звёздочка")),
    "heart": _clothing(
        "heart|heart print",
        Noun(("сердце", "сердца", "сердце", "сердцем", "сердце"), "n"),
        Noun(("сердечко", "сердечка", "сердечко", "сердечком", "сердечке"), "n"),
    ),
    "triangle": _clothing("triangle|triangle print", noun("треугольник", "m")),
}


def clothing_of(garment: Garment, jeans: bool) -> Clothing:
    """The words for a garment or bag; those for jeans if `jeans` and the garment could be jeans."""
    if jeans and could_be_jeans(garment):
        return JEANS
    return CLOTHES[garment.kind] if garment.kind in CLOTHES else BAGS_SAID[garment.kind]


def could_be_jeans(garment: Garment) -> bool:
    """Whether the garment is plain trousers in a colour of denim."""
    return garment.kind == "trousers" and garment.pattern == "plain" and garment.colour in JEANS_COLOURS
