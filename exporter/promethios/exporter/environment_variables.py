"""Loaded by ``opentelemetry-instrument`` in its own process, before its distribution sets defaults.

See `promethios.exporter.environment` for what is done, and why.
"""

import os

from promethios.exporter.environment import complete

complete(os.environ)
