"""How long and how much to keep: what may be said, and what is refused."""

from __future__ import annotations

import pytest

from promethios.receiver.settings import Settings, SettingsError


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"evidence_days": 182},
            "evidence_days = 182: it must be at least 183: six months, as Articles 19 and 26(6) of the EU",
        ),
        ({"evidence_days": 0}, "evidence_days = 0: it must be at least 183"),
        ({"retention_days": -1}, "retention_days = -1: it must be at least 0"),
        ({"retention_days": 36_501}, "retention_days = 36501: it must be at most 36500"),
        ({"max_db_bytes": 1}, "max_db_bytes = 1: it must be 0, or at least 16777216"),
        ({"max_db_bytes": -1}, "max_db_bytes = -1: it must be 0, or at least 16777216"),
        ({"min_free_bytes": -1}, "min_free_bytes = -1: it must be at least 0"),
    ],
)
def test_d08_what_cannot_be_kept_is_refused(given: dict[str, int], said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings(**given)  # type: ignore[arg-type]
    assert str(caught.value).startswith(said)


def test_d08_evidence_is_kept_for_six_months_where_nothing_is_said() -> None:
    assert (Settings().evidence_days, Settings().retention_days, Settings().max_db_bytes) == (183, 30, 0)
