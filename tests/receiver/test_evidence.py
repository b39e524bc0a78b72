"""``/evidence``: whether the numbering of each process' decisions has gaps."""

from __future__ import annotations

from tests.support.told import NOW, Ask, Tell, decided, rows


def test_a_gap_in_the_numbers_is_evidence_that_is_missing(tell: Tell, ask: Ask) -> None:
    tell(*(decided(number) for number in (1, 2, 5, 7)))
    assert rows(ask("evidence")) == [
        {
            "agent_id": "clerk",
            "instance_id": "i1",
            "first_seq": 1,
            "last_seq": 7,
            "decisions": 4,
            "missing": 3,
            "last_seen": NOW // 1_000_000 + 7_000,
        }
    ]


def test_each_process_counts_for_itself_and_the_worst_comes_first(tell: Tell, ask: Ask) -> None:
    tell(decided(1), decided(2))
    tell(decided(3), decided(6), **{"service.instance.id": "i2"})
    tell(decided(4), agent="guest")
    found = [(row["agent_id"], row["instance_id"], row["missing"]) for row in rows(ask("evidence"))]
    assert found == [("clerk", "i2", 2), ("clerk", "i1", 0), ("guest", "i1", 0)]
    assert [row["agent_id"] for row in rows(ask("evidence", agent="guest"))] == ["guest"]


def test_what_arrives_late_closes_the_gap(tell: Tell, ask: Ask) -> None:
    tell(decided(1), decided(3))
    assert [row["missing"] for row in rows(ask("evidence"))] == [1]
    tell(decided(2))
    assert [row["missing"] for row in rows(ask("evidence"))] == [0]


def test_a_part_of_the_range_has_no_gap_at_its_edges(tell: Tell, ask: Ask) -> None:
    tell(*(decided(number) for number in range(1, 11)))
    at_ = NOW // 1_000_000
    (row,) = rows(ask("evidence", from_=at_ + 3_000, to=at_ + 6_000))
    assert (row["first_seq"], row["last_seq"], row["decisions"], row["missing"]) == (3, 6, 4, 0)
