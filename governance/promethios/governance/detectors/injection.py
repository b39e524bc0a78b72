"""Heuristics for prompt injection.

They find the blunt attempts and miss the rest: flag by them, do not rely on them.
"""

from __future__ import annotations

from typing import Final

from promethios.governance.detectors.detector import WORD, Detector


def _words(name: str, *patterns: str) -> Detector:
    """Phrases: any case, across lines, and between escapes such as ``\\n`` where the text is JSON."""
    spaced = (pattern.replace(r"\s", r"(?:\s|\\[nrt])") for pattern in patterns)
    return Detector(f"injection.{name}", tuple(f"(?is){WORD}({pattern})" for pattern in spaced))


def _marks(name: str, *patterns: str) -> Detector:
    return Detector(f"injection.{name}", tuple(f"({pattern})" for pattern in patterns))


INJECTION: Final = (
    _words(
        "exfiltration",
        r"(?:send|forward|post|upload|e-?mail|exfiltrate)\b.{0,40}\b(?:passwords?|credentials?"
        r"|api[ _-]?keys?|secrets?|tokens?|conversation|chat history|card numbers?"
        r"|customer (?:data|records|details))\b.{0,40}\bto\b.{0,20}(?:https?://|[\w.+-]+@[\w-]+\.)",
    ),
    _words(
        "hidden_action",
        r"(?:do not|don't|never|without) (?:tell|telling|inform|informing|mention|mentioning"
        r"|notify|notifying|alert|alerting|reveal|revealing)\b.{0,30}"
        r"\b(?:user|human|operator|customer|owner)s?\b",
    ),
    _words(
        "ignore_instructions",
        r"(?:ignore|disregard|forget|override|bypass)\s(?:[\w']+\s){0,4}"
        r"(?:previous|prior|above|earlier|preceding|your|system|existing|original)\s(?:[\w']+\s){0,2}"
        r"(?:instruction|prompt|rule|direction|guideline|directive|command)s?\b",
        r"(?:ignore|disregard|forget)\s(?:(?:all|everything|anything|absolutely)\s){1,2}"
        r"(?:(?:of|that|was|is|said|written|stated)\s){0,3}(?:the\s)?(?:above|before|previous|prior)\b",
        r"(?:ignore|disregard|forget)\s(?:everything|anything|whatever|all)\s(?:that\s)?you\s(?:were|have|know|had)\b",
    ),
    # Marks by which models tell who speaks; in content they pretend to be somebody else.
    _marks(
        "chat_markup", r"<\|(?:im_start|im_end|system|assistant|endoftext|eot_id)\|>|<</?SYS>>|\[/?INST\]"
    ),
    _words(
        "new_role",
        r"you are now\s(?:an?\s|in\s|the\s)?"
        r"(?:DAN|developer mode|jailbroken|unrestricted|unfiltered|root|admin)\b",
        r"(?:enable|enter|activate)\s(?:DAN|developer|jailbreak|god|unrestricted)\smode\b",
        r"(?:act|respond|answer|behave|roleplay)\sas\s(?:an?\s)?"
        r"(?:DAN|(?:uncensored|unfiltered|unrestricted|jailbroken|amoral)\s(?:AI|assistant|chatbot|model|version))\b",
        r"do\sanything\snow\b",
        r"(?:no|any|without)\s(?:ethical|moral)(?:\s(?:or|and|nor)\s\w{2,12})?\s"
        r"(?:guidelines|restrictions|limitations|constraints|filters|boundaries)\b",
    ),
    _words(
        "system_prompt",
        r"(?:reveal|print|repeat|show|output|leak|disclose)\s(?:[\w']+\s){0,4}(?:system|initial|hidden)\s"
        r"(?:prompt|instruction|message)s?\b",
    ),
    # Text that people cannot see: Unicode tags (longer runs than in any flag), and long runs of zero width.
    _marks(
        "invisible_text",
        r"[\x{E0020}-\x{E007E}]{8,}",
        r"[\x{200B}\x{200C}\x{200D}\x{2060}\x{2062}\x{2063}\x{2064}\x{FEFF}]{16,}",
    ),
)
