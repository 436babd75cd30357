"""The words for people and their hair, as people type them."""

from dataclasses import dataclass
from typing import Final

from trainer.synthetic.phrasing.declension import Noun, noun

WOMEN_EN: Final[dict[str, tuple[str, ...]]] = {
    "young": ("young woman", "girl", "young lady", "young female", "woman"),
    "adult": ("woman", "lady", "female", "female person"),
    "elderly": ("elderly woman", "old woman", "elderly lady", "senior woman", "grandmother", "old lady", "aged woman"),
}
MEN_EN: Final[dict[str, tuple[str, ...]]] = {
    "young": ("young man", "guy", "young guy", "young male", "man"),
    "adult": ("man", "gentleman", "male", "male person"),
    "elderly": ("elderly man", "old man", "elderly gentleman", "senior man", "grandfather", "aged man"),
}
SOMEBODY_EN: Final = ("person", "human", "human being")


@dataclass(frozen=True)
class PersonRu:
    """A noun and the adjective before it, "" for none."""

    noun: Noun
    adjective: str = ""


_WOMAN: Final = noun("женщина", "f", animate=True)
_LADY: Final = noun("дама", "f", animate=True)
_GIRL: Final = noun("девушка", "f", animate=True)
_MAN: Final = noun("мужчина", "m", animate=True)
_GUY: Final = Noun(("парень", "парня", "парня", "парнем", "парне"), "m", animate=True)
HUMAN: Final = noun("человек", "m", animate=True)
WOMEN_RU: Final[dict[str, tuple[PersonRu, ...]]] = {
    "young": (PersonRu(_WOMAN, "молодой"), PersonRu(_GIRL), PersonRu(_GIRL, "молодой"), PersonRu(_WOMAN)),
    "adult": (PersonRu(_WOMAN), PersonRu(_LADY), PersonRu(_WOMAN, "взрослый")),
    "elderly": (
        PersonRu(_WOMAN, "пожилой"),
        PersonRu(_LADY, "пожилой"),
        PersonRu(_WOMAN, "старый"),
        PersonRu(noun("бабушка", "f", animate=True)),
        PersonRu(noun("старушка", "f", animate=True)),
    ),
}
MEN_RU: Final[dict[str, tuple[PersonRu, ...]]] = {
    "young": (PersonRu(_MAN, "молодой"), PersonRu(_GUY), PersonRu(HUMAN, "молодой"), PersonRu(_MAN)),
    "adult": (PersonRu(_MAN), PersonRu(_MAN, "взрослый")),
    "elderly": (
        PersonRu(_MAN, "пожилой"),
        PersonRu(_MAN, "старый"),
        PersonRu(noun("дедушка", "m", animate=True)),
        PersonRu(noun("старик", "m", animate=True)),
    ),
}
HAIR_COLOURS_EN: Final[dict[str, tuple[str, ...]]] = {
    "black": ("black", "jet-black", "raven"),
    "brown": ("brown", "chestnut", "brunette"),
    "blond": ("blond", "blonde", "fair", "golden"),
    "red": ("red", "ginger", "copper"),
    "grey": ("grey", "gray", "silver"),
    "white": ("white", "pure white"),
    "blue": ("blue", "dyed blue"),
    "pink": ("pink", "dyed pink"),
}
HAIR_COLOURS_RU: Final[dict[str, tuple[str, ...]]] = {
    "black": ("чёрный", "иссиня-чёрный"),
    "brown": ("каштановый", "коричневый"),
    "blond": ("светлый", "русый", "золотистый", "белокурый"),
    "red": ("рыжий", "медный", "огненно-рыжий"),
    "grey": ("седой", "серебристый"),
    "white": ("белый", "белоснежный"),
    "blue": ("синий", "ярко-синий"),
    "pink": ("розовый", "ярко-розовый"),
}
HAIRED_RU: Final[dict[str, tuple[str, ...]]] = {
    "black": ("черноволосый",),
    "brown": (),
    "blond": ("светловолосый", "белокурый"),
    "red": ("рыжий", "рыжеволосый"),
    "grey": ("седой", "седовласый"),
    "white": ("беловолосый",),
    "blue": ("синеволосый",),
    "pink": ("розоволосый",),
}
"""The adjective for a person: «рыжая женщина»."""
BLOND_NOUNS_RU: Final[dict[str, tuple[str, str]]] = {
    "black": ("брюнетка", "брюнет"),
    "brown": ("шатенка", "шатен"),
    "blond": ("блондинка", "блондин"),
}
"""A woman and a man of that hair."""
HAIR_STYLES_EN: Final[dict[str, tuple[str, ...]]] = {
    "buzz": ("{colour} buzz-cut hair", "a {colour} buzz cut", "very short {colour} hair", "buzzed {colour} hair"),
    "short": ("short {colour} hair", "a short {colour} haircut", "short-cut {colour} hair"),
    "curly": ("curly {colour} hair", "{colour} curls", "wavy curly {colour} hair", "curled {colour} hair"),
    "bob": ("{colour} hair in a bob", "a {colour} bob", "a {colour} bob haircut", "bobbed {colour} hair"),
    "long": ("long {colour} hair", "long flowing {colour} hair", "long loose {colour} hair"),
    "bun": ("{colour} hair in a bun", "{colour} hair tied in a bun", "a {colour} bun", "{colour} hair up in a bun"),
    "ponytail": ("{colour} hair in a ponytail", "a {colour} ponytail", "{colour} hair tied in a ponytail"),
}
HAIR_STYLES_RU: Final[dict[str, tuple[str, ...]]] = {
    "buzz": ("очень {короткий} {colour} {волосы}", "коротко {стриженый} {colour} {волосы}"),
    "short": ("{короткий} {colour} {волосы}", "{недлинный} {colour} {волосы}"),
    "curly": ("{кудрявый} {colour} {волосы}", "{вьющийся} {colour} {волосы}", "{colour} {кудри}"),
    "bob": ("{colour} {волосы}, {подстриженный} под каре", "{colour} {волосы} каре", "{colour} {волосы} под каре"),
    "long": ("{длинный} {colour} {волосы}", "{длинный} {распущенный} {colour} {волосы}"),
    "bun": ("{colour} {волосы}, {собранный} в пучок", "{colour} {волосы} в пучке", "{colour} {волосы} в пучок"),
    "ponytail": (
        "{colour} {волосы}, {собранный} в хвост",
        "{colour} {волосы} в хвосте",
        "{собранный} в хвост {colour} {волосы}",
    ),
}
"""Words in braces are plural and take the case; {colour} is an adjective or nothing."""
HAIRCUTS_RU: Final[dict[str, tuple[Noun, ...]]] = {
    "buzz": (noun("стрижка", "f", "под машинку"), Noun(("ёжик", "ёжика", "ёжик", "ёжиком", "ёжике"), "m")),
    "short": (noun("стрижка", "f", adjective="короткий"),),
    "curly": (noun("кудри", "p"), noun("кудряшки", "p")),
    "bob": (noun("каре", "n"), noun("стрижка", "f", "каре")),
    "long": (),
    "bun": (Noun(("пучок", "пучка", "пучок", "пучком", "пучке"), "m", "на голове"),),
    "ponytail": (noun("хвост", "m", adjective="конский"), noun("хвостик", "m")),
}
"""The style without a colour."""
BEARD_EN: Final = ("a beard", "facial hair")
BEARD_RU: Final = (noun("борода", "f"), noun("бородка", "f"))
GLASSES_EN: Final = ("glasses", "eyeglasses", "spectacles")
GLASSES_RU: Final = (
    Noun(("очки", "очков", "очки", "очками", "очках"), "p"),
    Noun(("очки", "очков", "очки", "очками", "очках"), "p", "для зрения"),
)
