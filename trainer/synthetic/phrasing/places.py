"""The words for places, as people type them."""

from dataclasses import dataclass
from typing import Final

from trainer.synthetic.words import Language


@dataclass(frozen=True)
class Place:
    """`where` follows a person or a verb ("at the beach"); `bare` stands alone between commas ("beach")."""

    where: tuple[str, ...]
    bare: tuple[str, ...]


def _place(where: str, bare: str) -> Place:
    return Place(tuple(where.split("|")), tuple(bare.split("|")))


PLACES: Final[dict[str, dict[Language, Place]]] = {
    "studio": {
        "en": _place(
            "in a grey studio|against a grey studio background|in a studio|in a photo studio|in the studio"
            "|against a plain grey background|on a gray background|on a grey background|in front of a grey backdrop",
            "studio|photo studio|grey studio|gray background|plain grey background|studio background",
        ),
        "ru": _place(
            "в серой студии|на сером студийном фоне|в студии|в фотостудии|на сером фоне|на простом сером фоне"
            "|на студийном фоне",
            "студия|фотостудия|серая студия|серый фон|студийный фон|студийное фото",
        ),
    },
    "street": {
        "en": _place(
            "on a city street|on a city street by day|on the street|in the street|in the city|in a city|in town"
            "|downtown|in the city by day|on a sunny street|on a town street",
            "street|city street|city|town|downtown|daytime city",
        ),
        "ru": _place(
            "на городской улице|на городской улице днём|на улице|на улице города|в городе|днём в городе|в городе днём"
            "|посреди города|посреди улицы|в центре города",
            "улица|город|городская улица|улица города|дневной город",
        ),
    },
    "night_city": {
        "en": _place(
            "in a city at night|in a night city|in the night city|at night|at night in the city|downtown at night"
            "|on a city street at night|on a street at night|at night on the street|among the lights of a night city",
            "night city|city at night|night|night street|nighttime city|city lights at night",
        ),
        "ru": _place(
            "в ночном городе|на фоне ночного города|в городе ночью|ночью в городе|ночью|на ночной улице"
            "|ночью на улице|на улице ночью|среди огней ночного города",
            "ночной город|ночь|ночная улица|город ночью|огни ночного города",
        ),
    },
    "forest": {
        "en": _place(
            "in a forest|in the forest|in the woods|in a wood|among the trees of a forest|in woodland"
            "|deep in the forest|on a forest path",
            "forest|woods|woodland|deep forest|the woods",
        ),
        "ru": _place(
            "в лесу|среди деревьев в лесу|в чаще леса|в лесной чаще|на фоне леса|посреди леса|на лесной тропинке"
            "|на лесной поляне",
            "лес|лесная тропинка|чаща леса|густой лес|лесная поляна",
        ),
    },
    "beach": {
        "en": _place(
            "on a beach|on a beach by the sea|at the beach|on the beach|at the seaside|by the sea|on the sea shore"
            "|on the seashore|by the ocean|at the sea|near the sea|on the coast|on a sandy beach",
            "beach|seaside|sea|sea shore|seashore|ocean|sandy beach|coast",
        ),
        "ru": _place(
            "на пляже|на пляже у моря|у моря|на море|на берегу моря|на морском берегу|на берегу океана|у океана"
            "|на песчаном пляже|на фоне моря|рядом с морем|возле моря",
            "пляж|море|берег моря|морской берег|морской пляж|океан|песчаный пляж",
        ),
    },
    "sunset": {
        "en": _place(
            "at sunset|in front of a sunset|at sundown|against the setting sun|in the sunset|in the light of the sunset"
            "|against a sunset sky|in the evening sun|during sunset",
            "sunset|sundown|sunset sky|setting sun|evening sun",
        ),
        "ru": _place(
            "на закате|на фоне заката|на закате солнца|в лучах заката|в лучах заходящего солнца|на фоне закатного неба"
            "|под закатным небом|вечером на закате",
            "закат|закат солнца|закатное небо|заходящее солнце",
        ),
    },
    "mountains": {
        "en": _place(
            "in snowy mountains|in front of snowy mountains|in the mountains|among mountains|in the Alps"
            "|in front of mountains|against snowy peaks|among snowy peaks|high in the mountains"
            "|in the snow-capped mountains",
            "mountains|snowy mountains|mountain peaks|snowy peaks|Alps|mountain",
        ),
        "ru": _place(
            "в заснеженных горах|на фоне снежных гор|в горах|среди гор|на фоне гор|в снежных горах|высоко в горах"
            "|среди снежных вершин|в Альпах|на фоне горных вершин",
            "горы|снежные горы|заснеженные горы|горные вершины|снежные вершины|Альпы",
        ),
    },
    "room": {
        "en": _place(
            "in a room|indoors in a room|in the room|at home|in a living room|in the living room|in an apartment"
            "|at home in the living room|inside a room|in a house",
            "room|living room|home|apartment|home interior",
        ),
        "ru": _place(
            "в комнате|дома, в комнате|дома в комнате|дома|в гостиной|дома в гостиной|в квартире|у себя в комнате"
            "|в доме",
            "комната|гостиная|квартира|домашний интерьер",
        ),
    },
    "desert": {
        "en": _place(
            "in a desert|among desert dunes|in the desert|among sand dunes|in the dunes|among the dunes|in the Sahara"
            "|in the sands of a desert|in front of dunes",
            "desert|dunes|sand dunes|desert dunes|Sahara",
        ),
        "ru": _place(
            "в пустыне|среди дюн в пустыне|среди дюн|среди песчаных дюн|в песках пустыни|в песках|среди барханов"
            "|в Сахаре|на фоне дюн|посреди пустыни",
            "пустыня|дюны|песчаные дюны|барханы|пески пустыни|Сахара",
        ),
    },
    "flowers": {
        "en": _place(
            "in a field of flowers|in a flower meadow|in a flower field|among flowers|among the flowers"
            "|surrounded by flowers|in a blooming meadow|in a meadow|in a meadow of flowers|in the flowers"
            "|in a blooming field",
            "flower field|flower meadow|field of flowers|flowers|meadow|blooming meadow",
        ),
        "ru": _place(
            "в поле цветов|на цветочном лугу|среди цветов|на цветущем лугу|в цветах|в цветочном поле|на лугу"
            "|на лугу с цветами|в цветущем поле|в окружении цветов|на поле с цветами",
            "цветочное поле|цветочный луг|цветы|поле цветов|луг|цветущий луг",
        ),
    },
    "space": {
        "en": _place(
            "in space|in space among the stars|in outer space|among the stars|in the cosmos|in open space"
            "|against stars and planets",
            "space|outer space|cosmos|stars and planets|universe",
        ),
        "ru": _place(
            "в космосе|в космосе среди звёзд|среди звёзд|в открытом космосе|на фоне космоса|среди звёзд и планет"
            "|на фоне звёзд|во вселенной",
            "космос|открытый космос|звёзды и планеты|вселенная",
        ),
    },
    "red_wall": {
        "en": _place(
            "in front of a red wall|by a red brick wall|against a red wall|near a red brick wall|by a brick wall"
            "|against a brick wall|in front of a brick wall|at a red wall|in front of red bricks",
            "red wall|brick wall|red brick wall|red bricks",
        ),
        "ru": _place(
            "на фоне красной стены|у красной кирпичной стены|у кирпичной стены|на фоне кирпичной стены"
            "|на фоне красной кирпичной стены|возле кирпичной стены|около красной стены|перед кирпичной стеной"
            "|у красной стены|на фоне кирпича",
            "красная стена|кирпичная стена|красная кирпичная стена|красный кирпич",
        ),
    },
    "cafe": {
        "en": _place(
            "in a cafe|at a cafe|in the cafe|in a café|in a coffee shop|at the coffee shop|in a coffee house"
            "|in a cozy cafe|inside a cafe",
            "cafe|café|coffee shop|coffee house|cozy cafe",
        ),
        "ru": _place(
            "в кафе|в уютном кафе|в кофейне|в кафешке|в уютной кофейне|внутри кафе|в кафетерии",
            "кафе|кофейня|кафешка|уютное кафе|кафетерий",
        ),
    },
    "library": {
        "en": _place(
            "in a library|among bookshelves|in the library|among books|surrounded by books|in front of bookshelves"
            "|in a reading room|between bookshelves|against shelves of books",
            "library|bookshelves|books|reading room|shelves of books",
        ),
        "ru": _place(
            "в библиотеке|среди книжных полок|среди книг|в читальном зале|на фоне книг|на фоне книжных полок"
            "|между книжными полками|в окружении книг",
            "библиотека|книжные полки|читальный зал|книги",
        ),
    },
    "kitchen": {
        "en": _place(
            "in a kitchen|at home in the kitchen|in the kitchen|in my kitchen|in a white kitchen|inside a kitchen",
            "kitchen|home kitchen|white kitchen|kitchen interior",
        ),
        "ru": _place(
            "на кухне|дома, на кухне|дома на кухне|в кухне|у себя на кухне|на белой кухне",
            "кухня|домашняя кухня|белая кухня|интерьер кухни",
        ),
    },
    "gym": {
        "en": _place(
            "in a gym|in a school gym|in the gym|at the gym|in a gymnasium|in a sports hall|in the sports hall"
            "|inside a gym",
            "gym|school gym|gymnasium|sports hall",
        ),
        "ru": _place(
            "в спортзале|в спортивном зале|в школьном спортзале|в физкультурном зале|внутри спортзала",
            "спортзал|спортивный зал|школьный спортзал|физкультурный зал",
        ),
    },
    "park": {
        "en": _place(
            "in a park|in a green park|in the park|in a city park|in a public park|on a park path|on the lawn of a park"
            "|on a park lawn",
            "park|green park|city park|public park|park lawn|park path",
        ),
        "ru": _place(
            "в парке|в зелёном парке|в городском парке|на аллее парка|в сквере|на аллее|на лужайке в парке"
            "|на дорожке парка",
            "парк|зелёный парк|городской парк|сквер|аллея|аллея парка",
        ),
    },
    "winter_street": {
        "en": _place(
            "on a snowy street|on a winter street in the snow|on a winter street|in the snow|in winter"
            "|on the street in winter|in the falling snow|in a snowy city|in a winter city|under falling snow"
            "|in the snow on the street",
            "snowy street|winter street|winter|snow|snowy city|winter city|falling snow|snowfall",
        ),
        "ru": _place(
            "на заснеженной улице|на зимней улице под снегом|на зимней улице|зимой|зимой на улице|на улице зимой"
            "|в снегу|под снегом|на снегу|в зимнем городе|в снегопад|зимой в городе",
            "зима|снег|зимняя улица|заснеженная улица|снежная улица|зимний город|снегопад",
        ),
    },
    "stadium": {
        "en": _place(
            "in a stadium|on a stadium track|at the stadium|at a stadium|in the stadium|on an athletics track"
            "|on the track of a stadium|at a sports stadium",
            "stadium|stadium track|athletics track|sports stadium",
        ),
        "ru": _place(
            "на стадионе|на беговой дорожке стадиона|на фоне трибун|на фоне трибун стадиона|на дорожке стадиона"
            "|на спортивном стадионе|на арене стадиона",
            "стадион|трибуны стадиона|спортивный стадион|дорожка стадиона",
        ),
    },
}
