"""Russian declension of the closed vocabulary: regular adjectives, and nouns by their ending."""

from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from trainer.synthetic.words import Form

Case = Literal["nom", "gen", "acc", "ins", "prep"]
CASES: Final[tuple[Case, ...]] = ("nom", "gen", "acc", "ins", "prep")
FORMS: Final[tuple[Form, ...]] = ("m", "f", "n", "p")
HARD: Final[dict[Form, tuple[str, ...]]] = {
    "m": ("ый", "ого", "ый", "ым", "ом"),
    "f": ("ая", "ой", "ую", "ой", "ой"),
    "n": ("ое", "ого", "ое", "ым", "ом"),
    "p": ("ые", "ых", "ые", "ыми", "ых"),
}
SOFT: Final[dict[Form, tuple[str, ...]]] = {
    "m": ("ий", "его", "ий", "им", "ем"),
    "f": ("яя", "ей", "юю", "ей", "ей"),
    "n": ("ее", "его", "ее", "им", "ем"),
    "p": ("ие", "их", "ие", "ими", "их"),
}
SIBILANTS: Final = "жшщч"
VELARS: Final = "кгх"


@cache
def decline(adjective: str, case: Case, form: Form, animate: bool = False) -> str:
    """A form of an adjective or participle given in the masculine nominative: «синий» -> «синюю».

    The accusative of something animate equals the genitive, but for the feminine. ValueError for another ending."""
    if adjective.endswith("ся"):
        return decline(adjective[:-2], case, form, animate) + "ся"
    stem, ending = adjective[:-2], adjective[-2:]
    if ending not in ("ый", "ой", "ий"):
        raise ValueError(f"Expected an adjective in -ый, -ой or -ий, got {adjective!r}.")
    if case == "acc" and animate and form != "f":
        case = "gen"
    index = CASES.index(case)
    if index == 0 and form == "m":
        return adjective
    if ending != "ий":
        return stem + HARD[form][index]
    if stem[-1] not in SIBILANTS + VELARS:
        return stem + SOFT[form][index]
    return stem + _mixed(stem[-1], form, index)


def _mixed(last: str, form: Form, index: int) -> str:
    """Endings after a sibilant («рыжая», «рыжего») or a velar («широкая», «широкого»): no ы, no я, no ю."""
    ending = (SOFT if last in SIBILANTS else HARD)[form][index]
    changed = {"яя": "ая", "юю": "ую", "ый": "ий", "ым": "им", "ые": "ие", "ых": "их", "ыми": "ими"}
    return changed.get(ending, ending)


@dataclass(frozen=True)
class Noun:
    """Forms in the order of CASES. `rest` follows and does not change; `adjective` precedes and agrees."""

    forms: tuple[str, str, str, str, str]
    form: Form
    rest: str = ""
    adjective: str = ""
    animate: bool = False

    def said(self, case: Case, *adjectives: str) -> str:
        """The noun with adjectives (in the masculine nominative) that agree: «красную вязаную шапку»."""
        described = [decline(word, case, self.form, self.animate) for word in (*adjectives, self.adjective) if word]
        return " ".join([*described, self.forms[CASES.index(case)], *([self.rest] if self.rest else [])])


def noun(nominative: str, form: Form, rest: str = "", adjective: str = "", animate: bool = False) -> Noun:
    """A regular noun by gender and ending, one without changing forms where it ends in -и, -о or -е (neuter)."""
    last, stem = nominative[-1], nominative[:-1]
    if form == "f" or (form == "m" and last == "а"):
        soft = stem[-1] in VELARS + SIBILANTS
        instrumental = "ей" if stem[-1] in SIBILANTS + "ц" else "ой"
        forms = (nominative, stem + ("и" if soft else "ы"), stem + "у", stem + instrumental, stem + "е")
    elif form == "m":
        genitive = nominative + "а"
        instrumental = "ем" if last in SIBILANTS + "ц" else "ом"
        forms = (nominative, genitive, genitive if animate else nominative, nominative + instrumental, nominative + "е")
    elif form == "p":
        ah = "я" if last == "и" and stem[-1] not in VELARS + SIBILANTS else "а"
        forms = (nominative, "", nominative, f"{stem}{ah}ми", f"{stem}{ah}х")
    else:
        forms = (nominative,) * 5
    return Noun(forms, form, rest, adjective, animate)
