"""Texts in which a detector must hit, made by what is published of each format.

Numbers come from python-stdnum (check digits) and phonenumbers (example numbers of all countries),
credentials from the lengths and alphabets that providers document; none of it looks at the patterns.
"""

from __future__ import annotations

import base64
import importlib
import random
import string
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address
from itertools import cycle
from typing import Any, NamedTuple

import phonenumbers
from stdnum import imei, luhn, verhoeff
from stdnum.iso7064 import mod_97_10

SEED = 20261122
HEX, DIGITS, UPPER = "0123456789abcdef", string.digits, string.ascii_uppercase
ALPHANUMERIC = string.ascii_letters + string.digits
URL_SAFE = ALPHANUMERIC + "_-"

#: What may stand around a value; {} is the value, with its word where it needs one.
AROUND = (
    "{}",
    "My {}.",
    '{{"note": "{}"}}',
    "a;{};b",
    "({})",
    "see below:\\n{}\\nthanks",
    "Bitte {} notieren",
)


class Positive(NamedTuple):
    """A text, and the part of it that is to be found."""

    detector: str
    text: str
    value: str


def _pick(r: random.Random, alphabet: str, length: int) -> str:
    return "".join(r.choices(alphabet, k=length))


def _module(name: str) -> Any:
    return importlib.import_module(f"stdnum.{name}")


def _valid(module: str, draw: Callable[[random.Random], str]) -> Callable[[random.Random], str]:
    """Draws until the number is one by python-stdnum."""
    checker = _module(module)

    def make(r: random.Random) -> str:
        while True:
            number = draw(r)
            if checker.is_valid(number):
                return number

    return make


def _date(r: random.Random, form: str) -> str:
    parts = {
        "Y": f"{r.randrange(1940, 2009)}",
        "m": f"{r.randrange(1, 13):02}",
        "d": f"{r.randrange(1, 29):02}",
    }
    parts["y"] = parts["Y"][2:]
    return "".join(parts[letter] for letter in form)


def _grouped(number: str, *groups: int, by: str = " ") -> str:
    parts, start = [], 0
    for size in groups:
        parts.append(number[start : start + size])
        start += size
    return by.join(parts)


def _card(r: random.Random) -> str:
    prefix, length = r.choice(
        (
            ("4", 16),
            ("51", 16),
            ("55", 16),
            ("2221", 16),
            ("34", 15),
            ("37", 15),
            ("6011", 16),
            ("36", 14),
            ("3530", 16),
        )
    )
    body = prefix + _pick(r, DIGITS, length - len(prefix) - 1)
    number = body + luhn.calc_check_digit(body)
    return r.choice((number, _grouped(number, 4, 4, 4, 4) if length == 16 else number))


def _iban(r: random.Random) -> str:
    country, bban = r.choice(
        (
            ("DE", _pick(r, DIGITS, 18)),
            ("NL", _pick(r, UPPER, 4) + _pick(r, DIGITS, 10)),
            ("GB", _pick(r, UPPER, 4) + _pick(r, DIGITS, 14)),
            ("FR", _pick(r, DIGITS, 10) + _pick(r, UPPER + DIGITS, 11) + _pick(r, DIGITS, 2)),
            ("ES", _pick(r, DIGITS, 20)),
            ("IT", _pick(r, UPPER, 1) + _pick(r, DIGITS, 22)),
            ("PL", _pick(r, DIGITS, 24)),
            ("NO", _pick(r, DIGITS, 11)),
        )
    )
    number = country + mod_97_10.calc_check_digits(bban + country) + bban
    return r.choice((number, " ".join(number[place : place + 4] for place in range(0, len(number), 4))))


def _email(r: random.Random) -> str:
    name = r.choice(("anna", "j.smith", "maria-jose", "li.wei", "o_brien", "bob+news", "x1"))
    host = r.choice(
        ("example.com", "mail.example.co.uk", "uni-wien.ac.at", "xn--bcher-kva.example", "a.museum")
    )
    return f"{name}@{host}"


def _global_ipv4(r: random.Random) -> str:
    while True:
        address = IPv4Address(r.getrandbits(32))
        if address.is_global and not address.is_multicast:
            return str(address)


def _imei(r: random.Random) -> str:
    body = "35" + _pick(r, DIGITS, 12)
    number = body + luhn.calc_check_digit(body)
    assert imei.is_valid(number)
    return number


def _aadhaar(r: random.Random) -> str:
    body = r.choice("23456789") + _pick(r, DIGITS, 10)
    number = body + verhoeff.calc_check_digit(body)
    return r.choice((number, _grouped(number, 4, 4, 4)))


def _nir(r: random.Random) -> str:
    body = r.choice("12") + _date(r, "ym") + f"{r.randrange(1, 96):02}" + _pick(r, DIGITS, 6)
    return body + _module("fr.nir").calc_check_digits(body)


def _phones() -> Iterator[tuple[str, str]]:
    """An example number of every country, in both ways to write it; the national one with its word."""
    words = cycle(("phone ", "Tel.: ", "mobile: ", "call me at "))
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE):
            number = phonenumbers.example_number_for_type(region, kind)
            if number is None:
                continue
            for form in (phonenumbers.PhoneNumberFormat.INTERNATIONAL, phonenumbers.PhoneNumberFormat.E164):
                yield "", phonenumbers.format_number(number, form)
            if region in ("DE", "FR", "GB", "US", "ES", "IT", "PL", "AU", "AT", "CH", "BE", "SE"):
                yield next(words), phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)


Make = Callable[[random.Random], str]

#: The word before the number, where it needs one, and how it is made.
NUMBERS: dict[str, tuple[tuple[str, ...], Make]] = {
    "pii.card": (("",), _card),
    "pii.iban": (("",), _iban),
    "pii.email": (("",), _email),
    "pii.ssn": (("",), _valid("us.ssn", lambda r: _grouped(_pick(r, DIGITS, 9), 3, 2, 4, by="-"))),
    "pii.ipv4": (("",), _global_ipv4),
    "pii.ipv6": (("",), lambda r: str(IPv6Address((0x2A00 << 112) | r.getrandbits(112)))),
    "pii.mac": (("",), lambda r: bytes([r.randrange(0, 256, 4), *r.randbytes(5)]).hex(":")),
    "pii.imei": (("IMEI: ", "IMEI "), _imei),
    "pii.id.au": (("TFN: ", "tax file number "), _valid("au.tfn", lambda r: _pick(r, DIGITS, 9))),
    "pii.id.be": (
        ("",),
        _valid(
            "be.nn",
            lambda r: (
                f"{_grouped(_date(r, 'ymd'), 2, 2, 2, by='.')}-{_pick(r, DIGITS, 3)}.{_pick(r, DIGITS, 2)}"
            ),
        ),
    ),
    "pii.id.br": (
        ("", "CPF "),
        _valid("br.cpf", lambda r: f"{_grouped(_pick(r, DIGITS, 9), 3, 3, 3, by='.')}-{_pick(r, DIGITS, 2)}"),
    ),
    "pii.id.ca": (
        ("SIN ", "social insurance number: "),
        _valid("ca.sin", lambda r: _grouped(_pick(r, DIGITS, 9), 3, 3, 3)),
    ),
    "pii.id.ch": (
        ("", "AHV-Nummer "),
        _valid("ch.ssn", lambda r: _grouped("756" + _pick(r, DIGITS, 10), 3, 4, 4, 2, by=".")),
    ),
    "pii.id.cn": (
        ("",),
        _valid("cn.ric", lambda r: "110105" + _date(r, "Ymd") + _pick(r, DIGITS, 3) + r.choice(DIGITS + "X")),
    ),
    "pii.id.de": (
        ("Steuer-ID: ", "Steueridentifikationsnummer "),
        _valid("de.idnr", lambda r: _pick(r, DIGITS, 11)),
    ),
    "pii.id.es": (("DNI ", "NIF: "), _valid("es.dni", lambda r: _pick(r, DIGITS, 8) + r.choice(UPPER))),
    "pii.id.fi": (
        ("henkilötunnus ", "HETU: "),
        _valid("fi.hetu", lambda r: _date(r, "dmy") + "-" + _pick(r, DIGITS, 3) + r.choice(DIGITS + UPPER)),
    ),
    "pii.id.fr": (("",), _nir),
    "pii.id.gb": (
        ("NHS number ", "NHS no. "),
        _valid("gb.nhs", lambda r: _grouped(_pick(r, DIGITS, 10), 3, 3, 4)),
    ),
    "pii.id.in": (("Aadhaar ", "Aadhaar number: "), _aadhaar),
    "pii.id.it": (
        ("",),
        _valid(
            "it.codicefiscale",
            lambda r: (
                f"RSSMRA{r.randrange(40, 99)}{r.choice('ABCDEHLMPRST')}"
                f"1{r.randrange(10)}H501{r.choice(UPPER)}"
            ),
        ),
    ),
    "pii.id.mx": (
        ("",),
        _valid("mx.curp", lambda r: f"GOMC{_date(r, 'ymd')}{r.choice('HM')}DFMRR0{r.choice(DIGITS)}"),
    ),
    "pii.id.nl": (("BSN ", "burgerservicenummer: "), _valid("nl.bsn", lambda r: _pick(r, DIGITS, 9))),
    "pii.id.no": (
        ("fødselsnummer ", "Fødselsnummer: "),
        _valid("no.fodselsnummer", lambda r: _date(r, "dmy") + _pick(r, DIGITS, 5)),
    ),
    "pii.id.pl": (("PESEL ", "PESEL: "), _valid("pl.pesel", lambda r: _date(r, "ymd") + _pick(r, DIGITS, 5))),
    "pii.id.se": (
        ("personnummer ", "Personnummer: "),
        _valid("se.personnummer", lambda r: _date(r, "ymd") + "-" + _pick(r, DIGITS, 4)),
    ),
    "pii.id.us": (
        ("ITIN ", "ITIN: "),
        _valid("us.itin", lambda r: _grouped("9" + _pick(r, DIGITS, 8), 3, 2, 4, by="-")),
    ),
}

# prefix, alphabet, length, what follows; as documented by each provider.
_KEYS: dict[str, tuple[tuple[str, str, int], ...]] = {
    "alibaba": (("LTAI", ALPHANUMERIC, 20),),
    "anthropic": (("sk-ant-api03-", URL_SAFE, 95),),
    "atlassian": (("ATATT3xFfGF0", URL_SAFE, 180),),
    "aws": (("AKIA", UPPER + "234567", 16), ("ASIA", UPPER + "234567", 16)),
    "databricks": (("dapi", HEX, 32),),
    "digitalocean": (("dop_v1_", HEX, 64),),
    "docker": (("dckr_pat_", URL_SAFE, 27),),
    "elevenlabs": (("sk_", HEX, 48),),
    "fireworks": (("fw_", ALPHANUMERIC, 24),),
    "fly": (("fm2_", ALPHANUMERIC, 200),),
    "github": (("ghp_", ALPHANUMERIC, 36), ("gho_", ALPHANUMERIC, 36)),
    "gitlab": (("glpat-", URL_SAFE, 20),),
    "google": (("AIza", URL_SAFE, 35), ("AQ.Ab8RN6", URL_SAFE, 45), ("GOCSPX-", URL_SAFE, 28)),
    "groq": (("gsk_", ALPHANUMERIC, 52),),
    "heroku": (("HRKU-AA", URL_SAFE, 58),),
    "huggingface": (("hf_", string.ascii_letters, 34),),
    "linear": (("lin_api_", ALPHANUMERIC, 40),),
    "mailgun": (("key-", HEX, 32),),
    "netlify": (("nfp_", ALPHANUMERIC, 36),),
    "newrelic": (("NRAK-", UPPER + DIGITS, 27),),
    "npm": (("npm_", ALPHANUMERIC, 36),),
    "nvidia": (("nvapi-", URL_SAFE, 64),),
    "openai": (("sk-proj-", URL_SAFE, 156), ("sk-svcacct-", URL_SAFE, 156), ("sk-", ALPHANUMERIC, 48)),
    "openrouter": (("sk-or-v1-", HEX, 64),),
    "perplexity": (("pplx-", ALPHANUMERIC, 48),),
    "pulumi": (("pul-", HEX, 40),),
    "replicate": (("r8_", ALPHANUMERIC, 37),),
    "rubygems": (("rubygems_", HEX, 48),),
    "sentry": (("sntryu_", HEX, 64),),
    "shopify": (("shpat_", HEX, 32),),
    "stripe": (("sk_live_", ALPHANUMERIC, 99), ("rk_test_", ALPHANUMERIC, 24)),
    "tavily": (("tvly-dev-", ALPHANUMERIC, 32),),
    "vault": (("hvs.CAESI", URL_SAFE, 90),),
    "xai": (("xai-", ALPHANUMERIC, 80),),
}


def _jwt(r: random.Random) -> str:
    parts = (
        b'{"alg":"RS256","kid":"%d"}' % r.randrange(10**6),
        b'{"sub":"%d","exp":1}' % r.randrange(10**9),
        r.randbytes(64),
    )
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def _pem(r: random.Random) -> str:
    body = base64.encodebytes(r.randbytes(600)).decode()
    return f"-----BEGIN PRIVATE KEY-----\n{body}-----END PRIVATE KEY-----"


_OTHER_SECRETS: dict[str, Make] = {
    "jwt": _jwt,
    "pem": _pem,
    "slack": lambda r: f"xoxb-{_pick(r, DIGITS, 12)}-{_pick(r, DIGITS, 13)}-{_pick(r, ALPHANUMERIC, 24)}",
    "sendgrid": lambda r: f"SG.{_pick(r, URL_SAFE, 22)}.{_pick(r, URL_SAFE, 43)}",
    "telegram": lambda r: f"{_pick(r, '123456789', 10)}:AA{_pick(r, URL_SAFE, 33)}",
    "discord": lambda r: f"MTA{_pick(r, ALPHANUMERIC, 23)}.G{_pick(r, URL_SAFE, 5)}.{_pick(r, URL_SAFE, 38)}",
    "cloudflare": lambda r: f"cfut_{_pick(r, ALPHANUMERIC, 40)}{_pick(r, HEX, 8)}",
    "azure": lambda r: f"AccountKey={base64.b64encode(r.randbytes(64)).decode()}",
    "langsmith": lambda r: f"lsv2_pt_{_pick(r, HEX, 32)}_{_pick(r, HEX, 10)}",
    "postman": lambda r: f"PMAK-{_pick(r, HEX, 24)}-{_pick(r, HEX, 34)}",
    "twilio": lambda r: f"SK{_pick(r, HEX, 32)}",
    "grafana": lambda r: f"glsa_{_pick(r, ALPHANUMERIC, 32)}_{_pick(r, HEX, 8)}",
}
_ASSIGNED: dict[str, tuple[str, Make]] = {
    "aws_secret_key": ("AWS_SECRET_ACCESS_KEY=", lambda r: base64.b64encode(r.randbytes(30)).decode()),
    "datadog": ("DD_API_KEY=", lambda r: _pick(r, HEX, 32)),
    "authorization": ("Authorization: Bearer ", lambda r: _pick(r, URL_SAFE, 40) + "a"),
    "connection_string": ("postgresql://app:", lambda r: _pick(r, URL_SAFE, 16) + "@db.internal/x"),
}


def positives(each: int) -> Iterator[Positive]:
    """So many texts for each detector; of telephones, an example of every country."""
    for detector, (words, make) in NUMBERS.items():
        yield from _wrapped(detector, ((word, make) for word in words), each)
    around = cycle(AROUND)
    for word, value in _phones():
        yield Positive("pii.phone", next(around).format(word + value), value)
    for name, keys in _KEYS.items():
        makers = [("", lambda r, key=key: key[0] + _pick(r, key[1], key[2])) for key in keys]
        yield from _wrapped(f"secret.{name}", makers, each)
    for name, make in _OTHER_SECRETS.items():
        yield from _wrapped(f"secret.{name}", [("", make)], each)
    for name, (word, make) in _ASSIGNED.items():
        yield from _wrapped(f"secret.{name}", [(word, make)], each)


def _wrapped(detector: str, makers: Any, each: int) -> Iterator[Positive]:
    r = random.Random(f"{SEED} {detector}")
    ways = list(makers)
    around = cycle(AROUND)
    for number in range(each):
        word, make = ways[number % len(ways)]
        value = make(r)
        shown = value.partition("@db.internal")[0]
        yield Positive(detector, next(around).format(word + value), shown)
