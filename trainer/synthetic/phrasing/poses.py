"""The words for poses and framings, as people type them."""

from dataclasses import dataclass
from typing import Final

from trainer.synthetic.words import Language


@dataclass(frozen=True)
class EnglishVerb:
    """ "sitting", "sits", "sit", each with the words that follow it."""

    gerund: str
    third: str
    base: str


@dataclass(frozen=True)
class RussianVerb:
    """«сидеть», «сижу», «сидит», «сидящий», «сидя»; `rest` follows each. The last two are "" where the language has
    none."""

    infinitive: str
    first: str
    third: str
    participle: str
    gerund: str
    rest: str = ""

    def said(self, form: str) -> str:
        """A form of the verb with the words that follow it."""
        return f"{form} {self.rest}".rstrip()


@dataclass(frozen=True)
class EnglishPose:
    """`states` follow a person without a verb: "with arms crossed"."""

    verbs: tuple[EnglishVerb, ...]
    states: tuple[str, ...]


@dataclass(frozen=True)
class RussianPose:
    """`states` follow a person without a verb: «скрестив руки». An imperative asks for the pose: «посади»."""

    verbs: tuple[RussianVerb, ...]
    states: tuple[str, ...]
    imperative: str = ""


def _en(verbs: str, states: str) -> EnglishPose:
    """Verbs as "sitting/sits/sit: down, there" (a rest may be empty), parted by |."""
    phrases = []
    for verb in verbs.split("|"):
        forms, _, rests = verb.partition(":")
        for rest in rests.split(","):
            phrases.append(EnglishVerb(*(f"{form.strip()} {rest.strip()}".rstrip() for form in forms.split("/"))))
    return EnglishPose(tuple(phrases), tuple(states.split("|")))


def _ru(verbs: str, states: str, imperative: str = "") -> RussianPose:
    """Verbs as «сидеть/сижу/сидит/сидящий/сидя: на корточках», parted by |."""
    phrases = []
    for verb in verbs.split("|"):
        forms, _, rests = verb.partition(":")
        infinitive, first, third, participle, gerund = forms.strip().split("/")
        phrases += [
            RussianVerb(infinitive, first, third, participle, gerund, rest.strip()) for rest in rests.split(",")
        ]
    return RussianPose(tuple(phrases), tuple(states.split("|")), imperative)


STAND_RU: Final = "стоять/стою/стоит/стоящий/стоя"
POSES_EN: Final[dict[str, EnglishPose]] = {
    "standing": _en("standing/stands/stand: ,up,still,upright,straight", "standing|in a standing pose|on both feet"),
    "waving": _en(
        "waving/waves/wave: a hand,,hello,at the camera,one hand",
        "with a waving hand|hand raised in greeting|greeting the camera",
    ),
    "arms_raised": _en(
        "raising/raises/raise: both arms,both hands,the arms|holding/holds/hold: both arms up,hands up"
        "|standing/stands/stand: with arms raised,with hands up",
        "with arms raised|with both arms up|with hands up|hands up|arms raised|arms up|with raised arms"
        "|hands in the air",
    ),
    "arms_spread": _en(
        "spreading/spreads/spread: both arms,the arms,arms wide|standing/stands/stand: with arms spread,in a t-pose"
        "|opening/opens/open: the arms wide",
        "with arms spread|with outstretched arms|arms spread wide|arms out to the sides|with arms wide open"
        "|in a t-pose",
    ),
    "hands_on_hips": _en(
        "standing/stands/stand: with hands on hips,hands on hips,with arms akimbo"
        "|putting/puts/put: hands on the waist|holding/holds/hold: hands on hips",
        "with hands on hips|hands on hips|hands on the waist|arms akimbo|with both hands on the hips",
    ),
    "arms_crossed": _en(
        "standing/stands/stand: with arms crossed,arms crossed,with folded arms"
        "|crossing/crosses/cross: arms,both arms|folding/folds/fold: arms",
        "with arms crossed|with crossed arms|arms crossed|arms folded|with folded arms|arms crossed on the chest",
    ),
    "walking": _en(
        "walking/walks/walk:|strolling/strolls/stroll:|taking/takes/take: a walk,a step|going/goes/go: for a walk"
        "|striding/strides/stride:",
        "on a walk|out for a walk|in mid-step",
    ),
    "running": _en(
        "running/runs/run: ,fast|jogging/jogs/jog:|sprinting/sprints/sprint:|going/goes/go: for a run",
        "on the run|on a jog|in a sprint",
    ),
    "dancing": _en(
        "dancing/dances/dance: ,merrily|doing/does/do: a dance|performing/performs/perform: a dance",
        "in a dance|in a dance pose|in a dance move",
    ),
    "sitting": _en("sitting/sits/sit: ,down|taking/takes/take: a seat", "seated|in a sitting pose|in a seated pose"),
    "kneeling": _en(
        "kneeling/kneels/kneel: on one knee,,down|standing/stands/stand: on one knee|taking/takes/take: a knee"
        "|going/goes/go: down on one knee",
        "on one knee|down on one knee|in a kneeling pose",
    ),
    "crouching": _en(
        "crouching/crouches/crouch: ,down|squatting/squats/squat: ,down|sitting/sits/sit: in a squat",
        "in a squat|crouched down|in a crouch|on the haunches",
    ),
    "lying": _en(
        "lying/lies/lie: ,down,on the back|laying/lays/lay: down|resting/rests/rest: on the back",
        "flat on the back|in a lying pose|on the back",
    ),
}
POSES_RU: Final[dict[str, RussianPose]] = {
    "standing": _ru(
        f"{STAND_RU}: ,прямо,ровно",
        "стоя|в положении стоя|стоя прямо",
        "поставь",
    ),
    "waving": _ru(
        "махать/машу/машет/машущий/: рукой,рукой в камеру,ручкой,|помахать/машу/машет/машущий/: рукой"
        "|приветствовать/приветствую/приветствует/приветствующий/приветствуя: взмахом руки",
        "с поднятой в приветствии рукой|взмах рукой|в приветствии рукой",
    ),
    "arms_raised": _ru(
        "поднимать/поднимаю/поднимает/поднимающий/поднимая: обе руки вверх,руки вверх,руки"
        "|поднять/поднимаю/поднимает/поднимающий/подняв: обе руки"
        "|стоять/стою/стоит/стоящий/стоя: с поднятыми руками",
        "подняв руки|подняв обе руки вверх|с поднятыми руками|руки вверх|с руками вверх|руки подняты",
    ),
    "arms_spread": _ru(
        "разводить/развожу/разводит/разводящий/разводя: руки в стороны"
        "|раскинуть/раскидываю/раскидывает/раскидывающий/раскинув: руки"
        "|стоять/стою/стоит/стоящий/стоя: с разведёнными руками,раскинув руки",
        "разведя руки в стороны|раскинув руки|руки в стороны|с разведёнными руками|с раскинутыми руками|в т-позе",
    ),
    "hands_on_hips": _ru(
        "упереть/упираю/упирает/упирающий/уперев: руки в бока|держать/держу/держит/держащий/держа: руки на поясе"
        "|стоять/стою/стоит/стоящий/стоя: руки в боки,уперев руки в бока,подбоченясь",
        "уперев руки в бока|руки в боки|руки на поясе|подбоченясь|подбоченившись|руки в бока|с руками на поясе",
    ),
    "arms_crossed": _ru(
        "скрестить/скрещиваю/скрещивает/скрещивающий/скрестив: руки,руки на груди"
        "|складывать/складываю/складывает/складывающий/сложив: руки на груди"
        "|стоять/стою/стоит/стоящий/стоя: скрестив руки,со скрещёнными руками",
        "скрестив руки|скрестив руки на груди|со скрещёнными руками|сложив руки на груди|руки скрещены"
        "|руки скрещены на груди",
    ),
    "walking": _ru(
        "идти/иду/идёт/идущий/:|гулять/гуляю/гуляет/гуляющий/гуляя:|шагать/шагаю/шагает/шагающий/шагая:"
        "|прогуливаться/прогуливаюсь/прогуливается/прогуливающийся/прогуливаясь:|идти/иду/идёт/идущий/: пешком,шагом",
        "на прогулке|на ходу|во время прогулки",
    ),
    "running": _ru(
        "бежать/бегу/бежит/бегущий/:|бегать/бегаю/бегает/бегающий/бегая:|мчаться/мчусь/мчится/мчащийся/:",
        "на бегу|бегом|на пробежке|во время пробежки",
    ),
    "dancing": _ru(
        "танцевать/танцую/танцует/танцующий/танцуя:|плясать/пляшу/пляшет/пляшущий/:|потанцевать/танцую/танцует/танцующий/:"
        "|исполнять/исполняю/исполняет/исполняющий/исполняя: танец",
        "в танце|в танцевальной позе|во время танца",
    ),
    "sitting": _ru(
        "сидеть/сижу/сидит/сидящий/сидя:|посидеть/сижу/сидит/сидящий/сидя:|присесть/сижу/сидит/сидящий/сидя:",
        "сидя|в положении сидя|в сидячей позе",
        "посади",
    ),
    "kneeling": _ru(
        "стоять/стою/стоит/стоящий/стоя: на одном колене,на колене"
        "|опуститься/опускаюсь/опускается/опускающийся/опустившись: на одно колено"
        "|встать/встаю/встаёт/встающий/встав: на одно колено",
        "на одном колене|опустившись на колено|встав на одно колено|на колене|преклонив колено",
    ),
    "crouching": _ru(
        "сидеть/сижу/сидит/сидящий/сидя: на корточках"
        "|присесть/приседаю/приседает/приседающий/присев: на корточки"
        "|приседать/приседаю/приседает/приседающий/приседая:",
        "на корточках|присев на корточки|в приседе|на кортах",
    ),
    "lying": _ru(
        "лежать/лежу/лежит/лежащий/лёжа: ,на спине|полежать/лежу/лежит/лежащий/лёжа:|прилечь/лежу/лежит/лежащий/лёжа:",
        "лёжа|лёжа на спине|в положении лёжа",
        "положи",
    ),
}


@dataclass(frozen=True)
class FramingWords:
    """`heads` come before "of a person"; `tails` are said of a photo or stand alone."""

    heads: tuple[str, ...]
    tails: tuple[str, ...]


def _framing(heads: str, tails: str) -> FramingWords:
    return FramingWords(tuple(heads.split("|")), tuple(tails.split("|")))


PHOTO: Final[dict[Language, tuple[str, ...]]] = {
    "en": ("photo", "picture", "photograph", "image", "pic", "shot", "snapshot"),
    "ru": ("фото", "фотография", "фотка", "снимок", "картинка", "изображение", "кадр"),
}
FRAMINGS_SAID: Final[dict[str, dict[Language, FramingWords]]] = {
    "full": {
        "en": _framing(
            "full-length photo|full body photo|full-body shot|full-length picture|full-length shot|full body picture"
            "|head-to-toe photo|full-length portrait|whole body photo|full figure shot",
            "full body|full-length|full length|head to toe|from head to toe|whole body|full-body|in full growth"
            "|full figure|the whole body is visible",
        ),
        "ru": _framing(
            "фото в полный рост|снимок в полный рост|фотография во весь рост|фото во весь рост|фото с головы до ног"
            "|полноростовое фото|ростовое фото|портрет в полный рост|картинка в полный рост",
            "в полный рост|во весь рост|с головы до ног|полный рост|в рост|целиком|всё тело в кадре|с головы до пят",
        ),
    },
    "waist": {
        "en": _framing(
            "waist-up photo|half-length photo|half body shot|half-body photo|waist-up picture|upper body photo"
            "|medium shot|half-length portrait|waist-up shot",
            "waist-up|waist up|from the waist up|half body|half-length|upper body|half-body|medium shot|upper half",
        ),
        "ru": _framing(
            "фото по пояс|снимок по пояс|фотография до пояса|фото до пояса|поясное фото|поясной портрет|портрет по пояс"
            "|картинка по пояс",
            "по пояс|до пояса|по поясу|верхняя половина тела|средний план|выше пояса",
        ),
    },
    "portrait": {
        "en": _framing(
            "portrait|headshot|close-up|close-up portrait|selfie|head and shoulders portrait|portrait photo|face photo"
            "|close-up photo|profile picture",
            "portrait|headshot|close-up|close up|head and shoulders|selfie|face close-up|profile picture|avatar",
        ),
        "ru": _framing(
            "портрет|селфи|портретное фото|портрет крупным планом|фото крупным планом|погрудный портрет"
            "|фото на аватарку|портретный снимок|фото лица",
            "портрет|крупным планом|крупный план|селфи|по плечи|лицо крупным планом|на аватарку|голова и плечи",
        ),
    },
}
