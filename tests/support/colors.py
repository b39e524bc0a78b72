"""How far apart colours are: contrast, and distance as seen with each kind of colour blindness."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import Final

Vector = tuple[float, float, float]

#: What is seen of linear RGB, at full severity: Machado, Oliveira and Fernandes (2009).
_SIGHTS: Final = {
    "normal": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two hexadecimal colours, 1 to 21, as WCAG 2 defines it."""
    dark, light = sorted(_luminance(_linear(color)) for color in (one, other))
    return (light + 0.05) / (dark + 0.05)


def closest(colors: Iterable[str]) -> float:
    """The smallest CIE76 distance between two of the colours, for the sight that tells them apart least."""
    pairs = list(itertools.combinations(colors, 2))
    return min(math.dist(_lab(a, sight), _lab(b, sight)) for sight in _SIGHTS for a, b in pairs)


def _linear(color: str) -> Vector:
    red, green, blue = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return _expand(red), _expand(green), _expand(blue)


def _expand(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _luminance(rgb: Vector) -> float:
    return 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2]


def _lab(color: str, sight: str) -> Vector:
    rgb = _linear(color)
    seen = [min(1.0, max(0.0, sum(a * b for a, b in zip(row, rgb, strict=True)))) for row in _SIGHTS[sight]]
    red, green, blue = seen
    x = _root((0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047)
    y = _root(_luminance((red, green, blue)))
    z = _root((0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _root(value: float) -> float:
    return value ** (1 / 3) if value > 0.008856 else 7.787 * value + 16 / 116
