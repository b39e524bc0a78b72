"""Telephone numbers: in international form, in North American form, and behind a word that says so.

Nothing is easier to take for something else than a telephone number. What has no country code or brackets
is one only behind "phone", "Tel.", "móvil" and the like, and every number must be as long as its country
makes them.
"""

from __future__ import annotations

import re
from typing import Final

from promethios.governance.detectors.detector import WORD, Detector, previous

# How many digits follow a country's code (ITU-T E.164, list of assigned codes; plans by ITU-T E.129).
# Services of short numbers are left out.
_LENGTHS: Final = {
    code: range(shortest, longest + 1)
    for (shortest, longest), codes in {
        (4, 7): "290 683 690",
        (5, 7): "247 500 676 677 678 682 688",
        (5, 10): "358 685 686",
        (6, 7): "298 299 597 672 681 687",
        (6, 9): "40 252 376 421 508",
        (6, 10): "53 63 82 95 98 359 880",
        (6, 11): "39",
        (6, 13): "43",
        (7, 7): "238 239 246 248 269 291 297 501 592 673 674 679 680 691 692 960",
        (7, 8): "230 241 267 372 507 599 670 675 961 975",
        (7, 9): "27 46 48 220 231 254 265 354 423 595 967",
        (7, 11): "49 86 243 352 353",
        (7, 12): "62 381",
        (8, 8): "45 47 65 216 222 223 226 227 228 232 235 236 253 257 266 268 350 356 357 370 371 373 374 382"
        " 386 389 502 503 504 505 506 509 591 598 689 852 853 965 968 973 974 993",
        (8, 9): "32 36 51 66 213 224 250 258 264 355 377 385 387 593 855 886 962 963 970 971",
        (8, 10): "57 60 64 378 850 856 964 976 977",
        (8, 12): "383 972",
        (9, 9): "33 34 41 56 61 93 94 211 212 218 221 233 237 240 242 244 245 249 251 255 256 260 261 262 263"
        " 351 375 380 420 590 594 596 966 992 994 995 996 998",
        (9, 10): "20 31 44 81 84 92",
        (10, 10): "1 7 30 52 58 90 91 225 229 234",
        (10, 11): "54 55",
    }.items()
    for code in codes.split()
}
# A country where the 0 of the national form is part of the international one: https://www.itu.int/rec/T-REC-E.123
_KEEPS_ZERO: Final = frozenset({"39", "225", "242", "378", "241"})
_OPTIONAL_ZERO: Final = re.compile(r"\(0\)")
_NOT_DIGIT: Final = re.compile(r"\D")
_AMERICAN: Final = re.compile(r"[2-9](?!11)\d{2}[2-9](?!11)\d{6}")
_WORDS: Final = (
    r"(?i:(?:tele|cell)?phone|tel(?:[eé]fono|efone|efon|efoon|efonnummer)?|t[eé]l(?:[eé]phone)?"
    r"|mobile?|mobil(?:e|nummer)?|handy(?:nummer)?|m[oó]vil|celular|cell(?:ulare)?|fax|portable|puhelin|whatsapp"
    r"|call (?:me|us|him|her|them)(?: (?:at|on))?|ring (?:me|us)(?: (?:at|on))?"
    r"|тел(?:ефон)?|电话|手机|電話|携帯)"
)
# With the 0 in front of the area; in groups of three; in the pairs of France.
_NATIONAL: Final = (
    r"\(?0\d{1,4}\)?[ /.-]{0,3}\d{2,9}(?:[ .-]\d{2,5}){0,4}",
    r"[2-9]\d{2}[ .-]?\d{3}[ .-]?\d{3,4}",
)


def _international(text: str, start: int, end: int) -> tuple[int, int] | None:
    """The candidate without groups at its end that make it too long for its country."""
    before = previous(text, start)
    if before.isalnum() or (before and before in "+/_.-)"):
        return None
    while end > start:
        if not _is_coordinate(text[start:end]) and _is_number(
            _NOT_DIGIT.sub("", _OPTIONAL_ZERO.sub("", text[start:end]))
        ):
            return None if text[end : end + 1] in ("_", "@", "=") else (start, end)
        shorter = max(text.rfind(separator, start, end) for separator in " .-/")
        if shorter <= start:
            break
        end = shorter if text[shorter - 1].isdigit() or text[shorter - 1] == ")" else shorter - 1
    return None


def _is_coordinate(candidate: str) -> bool:
    """``+48.64411-018.25747`` is a place (ISO 6709)."""
    return "." in candidate and "-" in candidate


def _is_number(digits: str) -> bool:
    for length in (1, 2, 3):
        code, rest = digits[:length], digits[length:]
        if code in _LENGTHS:
            if code == "1":
                return _AMERICAN.fullmatch(rest) is not None
            return (
                len(rest) in _LENGTHS[code] and len(set(rest)) > 1 and (rest[0] != "0" or code in _KEEPS_ZERO)
            )
    return False


def _american(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Area and exchange as the North American Numbering Plan has them, and no part of something longer."""
    before, after = previous(text, start), text[end : end + 1]
    if (before and before in ".-+_#/=:@") or before.isalnum() or after in ("_", "@", "="):
        return None
    if after in (".", "-", "/") and text[end + 1 : end + 2].isalnum():
        return None
    digits = _NOT_DIGIT.sub("", text[start:end])[-10:]
    return (start, end) if _AMERICAN.fullmatch(digits) else None


def _named(text: str, start: int, end: int) -> tuple[int, int] | None:
    """What stands behind a word: nine to twelve digits, not all the same."""
    digits = _NOT_DIGIT.sub("", text[start:end])
    after = text[end : end + 2]
    if (
        previous(text, start) == "+"
        or not 9 <= len(digits) <= 12
        or len(set(digits)) < 3
        or (after[:1] in ("-", ".", "_") and after[1:].isalnum())
    ):
        return None
    return start, end


def _check(text: str, start: int, end: int) -> tuple[int, int] | None:
    if text[start] == "+":
        return _international(text, start, end)
    return _american(text, start, end) or (_named(text, start, end) if _follows_word(text, start) else None)


def _follows_word(text: str, start: int) -> bool:
    return _WORD_BEFORE.search(text, max(0, start - 64), start) is not None


_WORD_BEFORE: Final = re.compile(_WORDS)

PHONE: Final = Detector(
    "pii.phone",
    (
        r"(\+[1-9](?:[ .\-/]?[()]?[ ]?\d){6,14})\b",
        WORD + r"((?:1[ .-])?[2-9]\d{2}[.-][2-9]\d{2}[.-]\d{4})\b",
        r"((?:1[ .-]?)?\([2-9]\d{2}\) ?[2-9]\d{2}[ .-]\d{4})\b",
    ),
    _check,
    bounded=True,
    words=_WORDS,
    near=_NATIONAL,
)
