"""The vocabulary of captions: English phrases and the inflected Russian forms they need."""

from dataclasses import dataclass
from typing import Final, Literal

Language = Literal["en", "ru"]
Form = Literal["m", "f", "n", "p"]

COLOURS_RU_PREPOSITIONAL: Final[dict[str, dict[Form, str]]] = {
    "black": {"m": "чёрном", "f": "чёрной", "n": "чёрном", "p": "чёрных"},
    "white": {"m": "белом", "f": "белой", "n": "белом", "p": "белых"},
    "grey": {"m": "сером", "f": "серой", "n": "сером", "p": "серых"},
    "red": {"m": "красном", "f": "красной", "n": "красном", "p": "красных"},
    "green": {"m": "зелёном", "f": "зелёной", "n": "зелёном", "p": "зелёных"},
    "blue": {"m": "синем", "f": "синей", "n": "синем", "p": "синих"},
    "yellow": {"m": "жёлтом", "f": "жёлтой", "n": "жёлтом", "p": "жёлтых"},
    "orange": {"m": "оранжевом", "f": "оранжевой", "n": "оранжевом", "p": "оранжевых"},
    "purple": {"m": "фиолетовом", "f": "фиолетовой", "n": "фиолетовом", "p": "фиолетовых"},
    "pink": {"m": "розовом", "f": "розовой", "n": "розовом", "p": "розовых"},
    "brown": {"m": "коричневом", "f": "коричневой", "n": "коричневом", "p": "коричневых"},
    "beige": {"m": "бежевом", "f": "бежевой", "n": "бежевом", "p": "бежевых"},
    "navy": {"m": "тёмно-синем", "f": "тёмно-синей", "n": "тёмно-синем", "p": "тёмно-синих"},
    "turquoise": {"m": "бирюзовом", "f": "бирюзовой", "n": "бирюзовом", "p": "бирюзовых"},
}
"""In which: «в зелёной футболке»."""
COLOURS_RU_GENITIVE_FEMININE: Final[dict[str, str]] = {
    name: forms["f"] for name, forms in COLOURS_RU_PREPOSITIONAL.items()
}
"""Over which: «в куртке поверх белой футболки»; for these adjectives it equals the prepositional."""
COLOURS_EN: Final[dict[str, str]] = {name: "navy blue" if name == "navy" else name for name in COLOURS_RU_PREPOSITIONAL}
COLOURS_RU_PREFIX: Final[dict[str, str]] = {
    "black": "чёрно",
    "white": "бело",
    "grey": "серо",
    "red": "красно",
    "green": "зелёно",
    "blue": "сине",
    "yellow": "жёлто",
    "orange": "оранжево",
    "purple": "фиолетово",
    "pink": "розово",
    "brown": "коричнево",
    "beige": "бежево",
    "navy": "тёмно-сине",
    "turquoise": "бирюзово",
}
"""First halves of two-tone adjectives: «в сине-белой футболке»."""
STRIPED_RU: Final[dict[Form, str]] = {
    "m": "полосатом",
    "f": "полосатой",
    "n": "полосатом",
    "p": "полосатых",
}


CHECKED_RU: Final[dict[Form, str]] = {
    "m": "клетчатом",
    "f": "клетчатой",
    "n": "клетчатом",
    "p": "клетчатых",
}
COLOURS_RU_INSTRUMENTAL: Final[dict[str, str]] = {
    "black": "чёрным",
    "white": "белым",
    "grey": "серым",
    "red": "красным",
    "green": "зелёным",
    "blue": "синим",
    "yellow": "жёлтым",
    "orange": "оранжевым",
    "purple": "фиолетовым",
    "pink": "розовым",
    "brown": "коричневым",
    "beige": "бежевым",
    "navy": "тёмно-синим",
    "turquoise": "бирюзовым",
}
"""With what, masculine and neuter: «с красным сердцем», «с чёрным рюкзаком»; the feminine equals the prepositional."""


@dataclass(frozen=True)
class GarmentWords:
    """`en` with an article place-holder when singular; `ru` in the prepositional case."""

    en: str
    plural: bool
    ru: str
    form: Form


GARMENTS: Final[dict[str, GarmentWords]] = {
    "t-shirt": GarmentWords("t-shirt", False, "футболке", "f"),
    "long-sleeved shirt": GarmentWords("long-sleeved shirt", False, "лонгсливе", "m"),
    "tank top": GarmentWords("tank top", False, "майке", "f"),
    "shirt": GarmentWords("button-up shirt", False, "рубашке", "f"),
    "hoodie": GarmentWords("hoodie", False, "худи", "n"),
    "coat": GarmentWords("coat", False, "пальто", "n"),
    "jacket": GarmentWords("jacket", False, "куртке", "f"),
    "dress": GarmentWords("dress", False, "платье", "n"),
    "trousers": GarmentWords("trousers", True, "брюках", "p"),
    "shorts": GarmentWords("shorts", True, "шортах", "p"),
    "skirt": GarmentWords("skirt", False, "юбке", "f"),
    "shoes": GarmentWords("shoes", True, "туфлях", "p"),
    "sneakers": GarmentWords("sneakers", True, "кроссовках", "p"),
    "boots": GarmentWords("boots", True, "сапогах", "p"),
    "cap": GarmentWords("cap", False, "кепке", "f"),
    "beanie": GarmentWords("beanie", False, "вязаной шапке", "f"),
    "hat": GarmentWords("hat", False, "шляпе", "f"),
    "sun hat": GarmentWords("sun hat", False, "широкополой шляпе", "f"),
}
CARRIED: Final[dict[str, GarmentWords]] = {
    "shoulder bag": GarmentWords("shoulder bag", False, "сумкой через плечо", "f"),
    "backpack": GarmentWords("backpack", False, "рюкзаком", "m"),
}
"""`ru` in the instrumental case."""
MOTIFS_RU_INSTRUMENTAL: Final[dict[str, tuple[str, Form]]] = {
    "circle": ("кругом", "m"),
    "star": ("звездой", "f"),
    "heart": ("сердцем", "n"),
    "triangle": ("треугольником", "m"),
}
HAIR_RU_INSTRUMENTAL: Final[dict[str, str]] = {
    "black": "чёрными",
    "brown": "каштановыми",
    "blond": "светлыми",
    "red": "рыжими",
    "grey": "седыми",
    "white": "белыми",
    "blue": "синими",
    "pink": "розовыми",
}
HAIR_EN: Final[dict[str, str]] = {
    "buzz": "{colour} buzz-cut hair",
    "short": "short {colour} hair",
    "curly": "curly {colour} hair",
    "bob": "{colour} hair in a bob",
    "long": "long {colour} hair",
    "bun": "{colour} hair in a bun",
    "ponytail": "{colour} hair in a ponytail",
}
HAIR_RU: Final[dict[str, str]] = {
    "buzz": "очень короткими {colour} волосами",
    "short": "короткими {colour} волосами",
    "curly": "кудрявыми {colour} волосами",
    "bob": "{colour} волосами, подстриженными под каре",
    "long": "длинными {colour} волосами",
    "bun": "{colour} волосами, собранными в пучок",
    "ponytail": "{colour} волосами, собранными в хвост",
}
BACKGROUND_PHRASES: Final[dict[str, dict[Language, tuple[str, ...]]]] = {
    "studio": {
        "en": ("in a grey studio", "against a grey studio background"),
        "ru": ("в серой студии", "на сером студийном фоне"),
    },
    "street": {
        "en": ("on a city street", "on a city street by day"),
        "ru": ("на городской улице", "на городской улице днём"),
    },
    "night_city": {
        "en": ("in a city at night", "in a night city"),
        "ru": ("в ночном городе", "на фоне ночного города"),
    },
    "forest": {"en": ("in a forest", "in the woods"), "ru": ("в лесу", "среди деревьев в лесу")},
    "beach": {"en": ("on a beach", "on a beach by the sea"), "ru": ("на пляже", "на пляже у моря")},
    "sunset": {"en": ("at sunset", "in front of a sunset"), "ru": ("на закате", "на фоне заката")},
    "mountains": {
        "en": ("in snowy mountains", "in front of snowy mountains"),
        "ru": ("в заснеженных горах", "на фоне снежных гор"),
    },
    "room": {"en": ("in a room", "indoors in a room"), "ru": ("в комнате", "дома, в комнате")},
    "desert": {
        "en": ("in a desert", "among desert dunes"),
        "ru": ("в пустыне", "среди дюн в пустыне"),
    },
    "flowers": {
        "en": ("in a field of flowers", "in a flower meadow"),
        "ru": ("в поле цветов", "на цветочном лугу"),
    },
    "space": {
        "en": ("in space", "in space among the stars"),
        "ru": ("в космосе", "в космосе среди звёзд"),
    },
    "red_wall": {
        "en": ("in front of a red wall", "by a red brick wall"),
        "ru": ("на фоне красной стены", "у красной кирпичной стены"),
    },
    "cafe": {"en": ("in a cafe", "at a cafe"), "ru": ("в кафе", "в уютном кафе")},
    "library": {"en": ("in a library", "among bookshelves"), "ru": ("в библиотеке", "среди книжных полок")},
    "kitchen": {"en": ("in a kitchen", "at home in the kitchen"), "ru": ("на кухне", "дома, на кухне")},
    "gym": {"en": ("in a gym", "in a school gym"), "ru": ("в спортзале", "в спортивном зале")},
    "park": {"en": ("in a park", "in a green park"), "ru": ("в парке", "в зелёном парке")},
    "winter_street": {
        "en": ("on a snowy street", "on a winter street in the snow"),
        "ru": ("на заснеженной улице", "на зимней улице под снегом"),
    },
    "stadium": {"en": ("in a stadium", "on a stadium track"), "ru": ("на стадионе", "на беговой дорожке стадиона")},
}
POSE_PHRASES: Final[dict[str, dict[Language, str]]] = {
    "standing": {"en": "standing", "ru": "стоит"},
    "waving": {"en": "waving a hand", "ru": "машет рукой"},
    "arms_raised": {"en": "raising both arms", "ru": "поднимает обе руки вверх"},
    "arms_spread": {"en": "spreading both arms", "ru": "разводит руки в стороны"},
    "hands_on_hips": {"en": "standing with hands on hips", "ru": "стоит, уперев руки в бока"},
    "arms_crossed": {"en": "standing with arms crossed", "ru": "стоит, скрестив руки"},
    "walking": {"en": "walking", "ru": "идёт"},
    "running": {"en": "running", "ru": "бежит"},
    "dancing": {"en": "dancing", "ru": "танцует"},
    "sitting": {"en": "sitting", "ru": "сидит"},
    "kneeling": {"en": "kneeling on one knee", "ru": "стоит на одном колене"},
    "crouching": {"en": "crouching", "ru": "сидит на корточках"},
    "lying": {"en": "lying", "ru": "лежит"},
}
FRAMING_PHRASES: Final[dict[str, dict[Language, str]]] = {
    "full": {"en": "full-length photo", "ru": "фото в полный рост"},
    "waist": {"en": "waist-up photo", "ru": "фото по пояс"},
    "portrait": {"en": "portrait", "ru": "портрет"},
}
IDENTITY_WORDS: Final[dict[Language, tuple[str, ...]]] = {
    "en": ("woman", "man", "hair", "bald", "beard", "glasses", "wearing", "bag", "backpack", "young", "elderly"),
    "ru": ("женщин", "мужчин", "волос", "лыс", "бород", "очк", "одет", "сумк", "рюкзак", "молод", "пожил"),
}
"""Stems that a scene caption must not contain, beside the garments'."""
