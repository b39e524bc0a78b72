"""``promethios run``: a command whose Python is governed before its first line, or does not run.

promethios run            the command's Python (and every Python that it starts)
──────────────            ─────────────────────────────────────────────────────
makes a channel
starts the command  ────▶ site imports `site/sitecustomize.py`, first on PYTHONPATH
                          set up, guards, check
goes on, or ends it ◀──── says through the channel what is missing, if anything
passes signals on         the agent's first line
ends with its status
"""

from typing import Final

#: The variable that names the channel. Where it is set a process is governed or ends.
CHANNEL: Final = "PROMETHIOS_RUN"

#: The variable with the number of the process that is governed. Where that becomes another program, this is
#: no process that the agent has started: it is the agent.
CONFIRMED: Final = "PROMETHIOS_RUN_PID"

#: The status for what is not governed: ``EX_CONFIG`` of sysexits.h, as no agent's own is.
EX_CONFIG: Final = 78

__all__ = ["CHANNEL", "CONFIRMED", "EX_CONFIG"]
