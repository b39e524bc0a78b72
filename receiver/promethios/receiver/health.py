"""Whether the receiver lives and can store; open to everyone, and saying nothing else."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from promethios.receiver.ingest.writer import Writer
from promethios.receiver.refusal import Refusal


def health_blueprint(writer: Writer) -> Blueprint:
    """``/health/live`` and ``/health/ready``."""
    blueprint = Blueprint("health", __name__, url_prefix="/health")

    @blueprint.get("/live")
    def live() -> ResponseReturnValue:
        return {"status": "ok"}

    @blueprint.get("/ready")
    def ready() -> ResponseReturnValue:
        """Ready is who can commit: an empty transaction goes the whole way.

        Degraded is who answers questions and takes nothing, such as on a full disk: it recovers by itself.
        """
        try:
            writer.do(lambda _: None)
        except Refusal:
            return {"status": "degraded" if writer.figures().held else "unavailable"}, 503
        return {"status": "ok"}

    return blueprint
