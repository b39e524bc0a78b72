"""National identity and tax numbers, by country: ``pii.id.de`` and so on.

A number is looked for by itself only where its form and check digits leave less than about one in a
thousand of what looks alike; all others need a word before them that says what they are. Where a check is
named "remainder", the number's authority defines it; sources are in the README beside this file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Final

from promethios.governance.detectors.checksums import (
    ean,
    luhn,
    mod_11_2,
    mod_11_10,
    verhoeff,
    weighted,
)
from promethios.governance.detectors.detector import WORD, Detector, stands_alone

_JOINTS: Final = re.compile(r"[ .\-/]")
_SPANISH: Final = "TRWAGMYFPDXBNJZSQVHLCKE"
_FINNISH: Final = "0123456789ABCDEFHJKLMNPRSTUVWXY"
# Values of the characters in odd places of a codice fiscale (decree of 12 March 1974, tables).
_ITALIAN_ODD: Final = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (
            *(1, 0, 5, 7, 9, 13, 15, 17, 19, 21),
            *(1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
        ),
        strict=True,
    )
)
_MEXICAN: Final = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"


def au(number: str) -> bool:
    """Tax file number: weights, remainder 0 of 11."""
    return weighted(number, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0


def be(number: str) -> bool:
    """Rijksregisternummer: 97 less the remainder; for those born since 2000 with a 2 before."""
    body, check = number[:9], int(number[9:])
    return check in (97 - int(body) % 97, 97 - int("2" + body) % 97)


def br(number: str) -> bool:
    """CPF: two check digits, remainders of 11."""
    first = weighted(number, range(10, 1, -1)) * 10 % 11 % 10
    second = weighted(number, range(11, 1, -1)) * 10 % 11 % 10
    return len(set(number)) > 1 and number[9:] == f"{first}{second}"


def ca(number: str) -> bool:
    """Social insurance number: Luhn; none begins with 8."""
    return number[0] != "8" and luhn(number)


def de(number: str) -> bool:
    """Steuerliche Identifikationsnummer: of the first ten digits just one occurs two or three times."""
    counts = sorted(Counter(number[:10]).values())
    return counts[-1] in (2, 3) and (len(counts) == 1 or counts[-2] == 1) and mod_11_10(number)


def es(number: str) -> bool:
    """DNI and NIE: the letter is the remainder of 23; X, Y and Z at the beginning count as 0, 1 and 2."""
    digits = str("XYZ".find(number[0])) + number[1:-1] if number[0] in "XYZ" else number[:-1]
    return _SPANISH[int(digits) % 23] == number[-1]


def fi(number: str) -> bool:
    """Henkilötunnus: date and serial, the last character is the remainder of 31."""
    born, serial = number[:6], number[-4:-1]
    return _is_day(born[:2], born[2:4]) and _FINNISH[int(born + serial) % 31] == number[-1]


def fr(number: str) -> bool:
    """NIR: the key is 97 less the remainder; the departments of Corsica count as 19 and 18."""
    digits = number.replace("2A", "19").replace("2B", "18")
    return digits.isdigit() and 97 - int(digits[:13]) % 97 == int(digits[13:])


def gb(number: str) -> bool:
    """National Insurance number (prefixes that are never issued refused), or NHS number (remainder of 11)."""
    if number[0].isalpha():
        return number[:2] not in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")
    return len(set(number)) > 1 and weighted(number, (*range(10, 1, -1), 1)) % 11 == 0


def it(number: str) -> bool:
    """Codice fiscale: the last letter is the remainder of 26."""
    odd = sum(_ITALIAN_ODD[character] for character in number[:15:2])
    even = sum(int(character, 36) - (0 if character.isdigit() else 10) for character in number[1:15:2])
    return (odd + even) % 26 == ord(number[15]) - ord("A")


def mx(number: str) -> bool:
    """CURP: the last digit makes the weighted sum a multiple of 10."""
    total = sum(_MEXICAN.index(character) * (18 - place) for place, character in enumerate(number[:17]))
    return -total % 10 == int(number[17])


def nl(number: str) -> bool:
    """Burgerservicenummer: weights 9 to 2 and -1, remainder 0 of 11."""
    return int(number) > 0 and weighted(number, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def no(number: str) -> bool:
    """Fødselsnummer and D-nummer: two check digits, remainders of 11."""
    first = weighted(number, (3, 7, 6, 1, 8, 9, 4, 5, 2, 1))
    second = weighted(number, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1))
    return int(number[:2]) > 0 and first % 11 == 0 and second % 11 == 0


def pl(number: str) -> bool:
    """PESEL: the month tells the century; weighted sum a multiple of 10."""
    month = f"{int(number[2:4]) % 20:02}"
    return _is_day(number[4:6], month) and weighted(number, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0


def se(number: str) -> bool:
    """Personnummer and samordningsnummer (60 added to the day): Luhn over the last ten digits."""
    short = number.replace("+", "")[-10:]
    day = int(short[4:6])
    return _is_day(f"{day - 60 if day > 60 else day:02}", short[2:4]) and luhn(short)


def sg(number: str) -> bool:
    """NRIC and FIN: weights, and 4 or 3 by the series; the remainder of 11 picks the letter."""
    series, letter = number[0], number[8]
    total = weighted(number[1:8], (2, 7, 6, 5, 4, 3, 2)) + {"T": 4, "G": 4, "M": 3}.get(series, 0)
    letters = {"S": "JZIHGFEDCBA", "T": "JZIHGFEDCBA", "M": "XWUTRQPNJLK"}.get(series, "XWUTRQPNMLK")
    place = total % 11
    return letters[10 - place if series == "M" else place] == letter


def us(number: str) -> bool:
    """Individual taxpayer identification number: groups that the IRS issues."""
    group = int(number[3:5])
    return 50 <= group <= 65 or 70 <= group <= 88 or 90 <= group <= 92 or 94 <= group <= 99


def _is_day(day: str, month: str) -> bool:
    return 1 <= int(month) <= 12 and 1 <= int(day) <= 31


def _detector(
    country: str, holds: Callable[[str], bool], *, words: str = "", near: str = "", alone: str = ""
) -> Detector:
    def check(text: str, start: int, end: int) -> tuple[int, int] | None:
        number = _JOINTS.sub("", text[start:end])
        return (start, end) if stands_alone(text, start, end) and holds(number) else None

    patterns = (WORD + rf"({alone})\b",) if alone else ()
    return Detector(
        f"pii.id.{country}", patterns, check, bounded=True, words=words, near=(near,) if near else ()
    )


IDENTITY: Final = (
    _detector("au", au, words="(?i:tax file|tfn)", near=r"\d{3} ?\d{3} ?\d{3}"),
    _detector("be", be, alone=r"\d{2}\.[0-4]\d\.[0-3]\d-\d{3}\.\d{2}"),
    _detector("br", br, alone=r"\d{3}\.\d{3}\.\d{3}-\d{2}", words="(?i:cpf)", near=r"\d{9}-?\d{2}"),
    _detector(
        "ca",
        ca,
        words="(?i:social insurance|assurance sociale|sin n(?:umber|o)|canad(?:a|ian) sin)|SIN|NAS",
        near=r"\d{3}[ -]?\d{3}[ -]?\d{3}",
    ),
    _detector("ch", ean, alone=r"756\.\d{4}\.\d{4}\.\d{2}", words="(?i:ahv|avs|oasi)", near=r"756\d{10}"),
    _detector(
        "cn",
        mod_11_2,
        alone=r"[1-8]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dX]",
    ),
    _detector(
        "de",
        de,
        words=r"(?i:steuer[ -]?id|id[ -]?nr\.?|steuerliche identifikations|steueridentifikations|tax id)|TIN",
        near=r"[1-9]\d (?:\d{3} ){2}\d{3}|[1-9]\d{10}",
    ),
    _detector(
        "es",
        es,
        words=r"(?i:dni|nie|nif|documento nacional|n\.i\.[fe]\.|d\.n\.i\.)",
        near=r"(?:\d{8}|[XYZ]-?\d{7})-?[A-HJ-NP-TV-Z]",
    ),
    _detector(
        "fi",
        fi,
        alone=r"[0-3]\d[01]\d{3}[-+A-FU-Y]\d{3}[A-FHJ-NPR-Y]",
        words="(?i:hetu|henkil(?:ö|\\\\u00f6)tunnus)",
        near=r"[0-3]\d[01]\d{3}[-+A-FU-Y]\d{4}",
    ),
    _detector(
        "fr",
        fr,
        alone=r"[12](?: ?\d\d)(?: ?(?:0[1-9]|1[0-2]))(?: ?(?:\d\d|2[AB]))(?: ?\d{3}){2} ?\d\d",
    ),
    _detector(
        "gb",
        gb,
        alone=r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] \d\d \d\d \d\d [A-D]",
        words=r"(?i:national insurance|ni n(?:umber|o)|nino|nhs)",
        near=r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D]|\d{3}[ -]?\d{3}[ -]?\d{4}",
    ),
    _detector("in", verhoeff, words="(?i:aadhaa?r|uidai)|UID|आधार", near=r"[2-9]\d{3}[ -]?\d{4}[ -]?\d{4}"),
    _detector(
        "it",
        it,
        alone=r"[A-Z]{6}[\dL-NP-V]{2}[A-EHLMPRST][\dL-NP-V]{2}[A-Z][\dL-NP-V]{3}[A-Z]",
    ),
    _detector(
        "mx",
        mx,
        alone=r"[A-Z][AEIOUX][A-Z]{2}\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])[HMX][A-Z]{2}[B-DF-HJ-NP-TV-Z]{3}[\dA-Z]\d",
    ),
    _detector("nl", nl, words="(?i:bsn|burgerservice|sofi)", near=r"\d{9}|\d{4}\.\d{2}\.\d{3}"),
    _detector(
        "no",
        no,
        words="(?i:f(?:ø|\\\\u00f8)dsels|person|d-)(?i:nummer|nr)|(?i:fnr)",
        near=r"\d{6} ?\d{5}",
    ),
    _detector("pl", pl, words="(?i:pesel)", near=r"\d{11}"),
    _detector(
        "se",
        se,
        words="(?i:personnummer|samordningsnummer|personal identity|pnr)",
        near=r"(?:19|20)?\d{6}[-+]?\d{4}",
    ),
    _detector("sg", sg, words="(?i:nric)|FIN", near=r"[STFGM]\d{7}[A-Z]"),
    _detector("us", us, words="(?i:itin|taxpayer identification)", near=r"9\d{2}-\d{2}-\d{4}|9\d{8}"),
)
