"""The layers of a dressed figure, numbered as the meshes and the surface program number them."""

from enum import IntEnum


class Layer(IntEnum):
    """The layer that a triangle belongs to."""

    BODY = 0
    EYE = 1
    TOP = 2
    BOTTOM = 3
    SHOES = 4
    JACKET = 5
    SKIRT = 6
    HAIR = 7
    TAIL = 8
    HAT = 9
    GLASSES = 10
    SEAT = 11
    COLLAR = 12
    COAT = 13
    BAG = 14
