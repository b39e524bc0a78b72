"""What happened beside the lines: policies that changed, and alerts that fired."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as build

from promethios.dashboards import palette
from promethios.dashboards.infinity import DATASOURCE, InfinityQuery, number, rows, text, time


def policy_changes() -> build.AnnotationQuery:
    """A mark where a version of the policies was first seen."""
    return _marks("Policy changes", "policy", palette.VERDICTS["redact"])


def alerts() -> build.AnnotationQuery:
    """A mark where an alert fired, or was resolved."""
    return _marks("Alerts", "alert", palette.BAD)


def _marks(name: str, kind: str, color: str) -> build.AnnotationQuery:
    return (
        build.AnnotationQuery()
        .name(name)
        .datasource(DATASOURCE)
        .enable(True)
        .icon_color(color)
        .target(_query(kind))
    )


def _query(kind: str) -> InfinityQuery:
    # Grafana finds what an annotation needs by these names.
    return rows(
        "annotations",
        time("time", "time"),
        number("time_end", "timeEnd"),
        text("title", "title"),
        text("text", "text"),
        text("tags", "tags"),
        kind=kind,
    )
