"""What an answer may be written in besides JSON: CSV for spreadsheets, and a line of JSON for each row.

A spreadsheet takes a cell that begins with one of ``= + - @``, a tab or a line break for a formula, whoever
wrote it: agents do. Such text gets an apostrophe in front, which spreadsheets show as nothing
(https://owasp.org/www-community/attacks/CSV_Injection). Numbers are numbers and stay as they are.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from werkzeug.datastructures import MIMEAccept

from promethios.receiver.refusal import Kind, Refusal

#: The media type of each format.
TYPES: Final[Mapping[str, str]] = {
    "json": "application/json",
    "csv": "text/csv",
    "ndjson": "application/x-ndjson",
}
_CONTENT_TYPES: Final = {**TYPES, "csv": "text/csv; charset=utf-8"}
_NAMES: Final = {media_type: name for name, media_type in TYPES.items()}
#: What begins a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")

Rows = Sequence[Mapping[str, Any]]


def format_of(asked: str, accepted: MIMEAccept) -> str:
    """The name of the format of an answer: what `format` says, else what the client likes best.

    Args:
        asked: The parameter.
        accepted: The header ``Accept``; what it does not know gets JSON.

    Raises:
        Refusal: There is no such format.
    """
    if asked and asked not in TYPES:
        message = f"'format' must be one of {', '.join(TYPES)}, not {asked[:60]!r}"
        raise Refusal(Kind.UNDECODABLE, message, code="bad-parameter")
    return asked or _NAMES[accepted.best_match(list(_NAMES)) or TYPES["json"]]


def encoder(form: str, columns: Sequence[str]) -> Callable[[Rows, bool], bytes]:
    """A function that writes rows; its second argument says whether they are the first.

    Args:
        form: ``csv`` or ``ndjson``.
        columns: The columns of a table, in order.
    """
    if form == "ndjson":
        return lambda rows, _: b"".join(map(_line, rows))
    return lambda rows, first: _csv([columns] if first else [], rows, columns)


def headers(form: str, path: str, moment: int) -> dict[str, str]:
    """The headers of an export: its media type, and the name of the file that it is saved as.

    Args:
        form: The format.
        path: The route's path.
        moment: The end of the range, Unix milliseconds.
    """
    words = "-".join(part for part in path.split("/") if not part.startswith("<"))
    when = datetime.fromtimestamp(min(moment, _LAST) / 1_000, UTC)
    name = f"promethios-{words}-{when:%Y%m%dT%H%M%SZ}.{form}"
    return {
        "Content-Type": _CONTENT_TYPES[form],
        "Content-Disposition": f'attachment; filename="{name}"',
    }


#: The last moment that a date has, Unix milliseconds.
_LAST: Final = 253_402_300_799_000


def _line(row: Mapping[str, Any]) -> bytes:
    return orjson.dumps(row, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_APPEND_NEWLINE)


def _csv(heads: Iterable[Sequence[str]], rows: Rows, columns: Sequence[str]) -> bytes:
    text = io.StringIO()
    # Text is quoted whatever it holds: a spreadsheet that separates cells by semicolons would split it.
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerows(heads)
    writer.writerows([_cell(row.get(name)) for name in columns] for row in rows)
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return value
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return f"'{text}" if text.startswith(_FORMULA) else text
