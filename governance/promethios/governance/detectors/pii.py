"""Personal data that has a form of its own and can be verified: cards, IBANs, addresses, US social security.

What looks alike is refused: identifiers, trace ids, hashes, epochs, versions, decimals, ISBNs. A number that
is right by chance is possible (one in ten passes Luhn's test), which is why each check asks for more than
one thing.
"""

from __future__ import annotations

from typing import Final

from promethios.governance.detectors.checksums import luhn, mod_97_10
from promethios.governance.detectors.detector import WORD, Detector, previous, stands_alone

# Issuer prefixes (ranges of the first digits) with the lengths that are issued, as published by the networks
# and listed in https://en.wikipedia.org/wiki/Payment_card_number
_ISSUERS: Final = (
    ("4", "4", (16, 19)),  # Visa
    ("51", "55", (16,)),  # Mastercard
    ("2221", "2720", (16,)),  # Mastercard
    ("34", "34", (15,)),  # American Express
    ("37", "37", (15,)),
    ("6011", "6011", (16, 19)),  # Discover
    ("644", "659", (16, 19)),
    ("300", "305", (14,)),  # Diners Club
    ("36", "36", (14,)),
    ("38", "39", (14,)),
    ("3528", "3589", (16, 17, 18, 19)),  # JCB
    ("62", "62", (16, 17, 18, 19)),  # UnionPay
    ("81", "81", (16, 17, 18, 19)),
    ("2200", "2204", (16, 17, 18, 19)),  # Mir
    ("6759", "6763", (16, 17, 18, 19)),  # Maestro
)

# The first digits of those ranges, coarsely, so that dates and epochs are not even candidates.
_FIRST: Final = r"(?:4\d|5[1-5]|2[2-7]|3[04-9]|6[024-7]|81)"

# Length of an IBAN by country: https://www.swift.com/standards/data-standards/iban-international-bank-account-number
_IBAN_LENGTHS: Final = {
    country: length
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "DK FI FO GL NL SD",
        19: "MK SI",
        20: "AT BA EE KZ LT LU MN XK",
        21: "CH CR HR LI LV",
        22: "BG BH DE GB GE IE ME RS VA",
        23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST",
        26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HU LB NI PL SV",
        29: "BR EG PS QA UA",
        30: "JO KW MU YE",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }.items()
    for country in countries.split()
}

# Published as advertising, never issued.
_SAMPLE_SSNS: Final = frozenset(("078051120", "219099999"))


def _issued(digits: str) -> bool:
    return any(
        len(digits) in lengths and low <= digits[: len(low)] <= high for low, high, lengths in _ISSUERS
    )


def _card(text: str, start: int, end: int) -> tuple[int, int] | None:
    digits = text[start:end].replace(" ", "").replace("-", "")
    if not stands_alone(text, start, end) or len(set(digits)) == 1:
        return None
    return (start, end) if _issued(digits) and luhn(digits) else None


def _iban(text: str, start: int, end: int) -> tuple[int, int] | None:
    """The candidate cut to its country's length, if that much passes ISO 7064's test (remainder 97)."""
    wanted = _IBAN_LENGTHS.get(text[start : start + 2], 0)
    compact, stop = "", start
    while stop < end and len(compact) < wanted:
        compact += text[stop].strip()
        stop += 1
    if not wanted or len(compact) < wanted or text[stop : stop + 1].isalnum():
        return None
    return (start, stop) if mod_97_10(compact[4:] + compact[:4]) else None


def _email(text: str, start: int, end: int) -> tuple[int, int] | None:
    local, _, domain = text[start:end].partition("@")
    if local.startswith(".") or local.endswith(".") or ".." in local + domain or domain.startswith("-"):
        return None
    # git@github.com:owner/name is an address of a repository.
    return None if local == "git" or previous(text, start) in (":", "/") else (start, end)


def _ssn(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Refuses what the Social Security Administration never issues."""
    digits = text[start:end].replace("-", "").replace(" ", "")
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    if (
        area in ("000", "666")
        or area[0] == "9"
        or group == "00"
        or serial == "0000"
        or digits in _SAMPLE_SSNS
    ):
        return None
    return (start, end) if stands_alone(text, start, end) else None


PII: Final = (
    Detector(
        "pii.card",
        (
            WORD + rf"({_FIRST}\d{{12,17}})\b",
            WORD + rf"({_FIRST}\d{{2}}(?: \d{{4}}){{3}})\b",
            WORD + rf"({_FIRST}\d{{2}}(?:-\d{{4}}){{3}})\b",
            WORD
            + rf"({_FIRST}\d{{2}}(?: \d{{4}}){{3}} \d{{1,3}}|{_FIRST}\d{{2}}(?:-\d{{4}}){{3}}-\d{{1,3}})\b",
            WORD + r"(3\d{3}(?: \d{6} \d{4,5}|-\d{6}-\d{4,5}))\b",
        ),
        _card,
        bounded=True,
    ),
    Detector(
        "pii.iban",
        (WORD + r"([A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?)\b",),
        _iban,
        bounded=True,
    ),
    Detector(
        "pii.email",
        (WORD + r"([A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24})\b",),
        _email,
    ),
    Detector(
        "pii.ssn",
        (WORD + r"(\d{3}-\d{2}-\d{4})\b",),
        _ssn,
        bounded=True,
        words="(?i:ssn|social security)",
        near=(r"\d{3} ?\d{2} ?\d{4}",),
    ),
)
