"""Words without a meaning for the picture (praise, courtesy, rare words), which a model must learn to ignore."""

from typing import Final

import numpy as np

from trainer.synthetic.phrasing.chance import happens, one
from trainer.synthetic.words import Language


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split("|"))


PRAISE: Final[dict[Language, tuple[str, ...]]] = {
    "en": _words(
        "beautiful|high quality|4k|8k|masterpiece|best quality|highly detailed|sharp focus|professional|"
        "realistic|hd|ultra hd|aesthetic|amazing|very nice|cool|stunning|award winning|trending|perfect|gorgeous|"
        "good lighting|cinematic|elegant|wow|something special"
    ),
    "ru": _words(
        "красиво|высокое качество|4k|8k|шедевр|лучшее качество|очень подробно|чётко|профессионально|реалистично|"
        "эстетично|круто|классно|супер|стильно|очень красиво|идеально|великолепно|как настоящее|качественно|"
        "художественно|хорошее освещение|необычно|атмосферно|эффектно"
    ),
}
COURTESY: Final[dict[Language, tuple[str, ...]]] = {
    "en": ("please", "pls", "please please", "thanks", "thank you", "if you can", "hi bot"),
    "ru": ("пожалуйста", "плиз", "спасибо", "пж", "привет", "если можно", "будь добр", "благодарю"),
}
RARE: Final[dict[Language, tuple[str, ...]]] = {
    "en": _words(
        "algorithm|anecdote|Tuesday|harmonic|Kowalski|Zorblax|syntax|melody|inflation|theorem|Brandywine|Okonkwo|"
        "quorum|semester|paradox|rhetoric|Fibonacci|dividend|verdict|lullaby|Vandermeer|acoustics|premise|ratio|"
        "Quixote|fortnight|axiom|invoice|Nakamura|protocol|entropy|ballad|Lindqvist|fraction|hypothesis|Ferreira|"
        "grammar|memorandum|nostalgia|Oyelaran|percentile|quantum|rumour|synonym|tariff|umlaut|Valdorian|"
        "warranty|xenon|yesterday|zeitgeist|Abernathy|bureaucracy|cadence|dialect|etymology|franchise|Gupta|"
        "homonym|irony|jargon|karma|logarithm|mandate|nuance|novella|obligation|preamble|tangent|optimism|Petrosyan|questionnaire|remainder|satire|"
        "tempo|Ulbricht|vowel|whim"
    ),
    "ru": _words(
        "алгоритм|анекдот|вторник|гармоника|Ковальский|Зорблакс|синтаксис|мелодия|инфляция|теорема|Брандт|кворум|"
        "семестр|парадокс|риторика|Фибоначчи|дивиденд|вердикт|колыбельная|акустика|посылка|Кихот|декада|аксиома|"
        "накладная|Накамура|протокол|энтропия|баллада|дробь|гипотеза|Феррейра|грамматика|меморандум|ностальгия|"
        "процентиль|квант|слух|синоним|тариф|умляут|гарантия|ксенон|вчера|бюрократия|каденция|диалект|этимология|"
        "франшиза|Гупта|омоним|ирония|жаргон|карма|логарифм|мандат|нюанс|оптимизм|Петросян|анкета|остаток|сатира|"
        "темп|Ульбрихт|гласная|каприз|Вандермеер|регламент|прогноз|консенсус|квартал|падеж|метафора|эпилог"
    ),
}
SIGNED: Final[dict[Language, tuple[str, ...]]] = {
    "en": ("in the style of {name}", "by {name}", "like {name}", "{name} style"),
    "ru": ("в стиле {name}", "как у {name}", "в духе {name}", "автор {name}"),
}


def filled(text: str, language: Language, rng: np.random.Generator) -> str:
    """The phrase with one to three fillers before or behind it."""
    for _ in range(int(rng.choice(3, p=(0.6, 0.3, 0.1))) + 1):
        filler = _filler(language, rng)
        text = f"{text}, {filler}" if happens(rng, 0.65) else f"{filler}, {text}"
    return text


def _filler(language: Language, rng: np.random.Generator) -> str:
    kind = float(rng.random())
    if kind < 0.4:
        return one(rng, PRAISE[language])
    if kind < 0.6:
        return one(rng, COURTESY[language])
    name = one(rng, RARE[language])
    return name if kind < 0.85 else one(rng, SIGNED[language]).format(name=name)
