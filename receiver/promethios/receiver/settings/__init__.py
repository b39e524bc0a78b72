"""What a receiver can be told: by options of the command line, by `PROMETHIOS_*` variables, by a TOML file.

In this order: what an option says goes before a variable, and a variable before the file. A name that is not
known is an error, so that a misspelt setting is noticed before it matters.
"""

from promethios.receiver.settings.address import Address
from promethios.receiver.settings.errors import SettingsError
from promethios.receiver.settings.model import Settings
from promethios.receiver.settings.sources import OTHERS, load_settings

__all__ = ["OTHERS", "Address", "Settings", "SettingsError", "load_settings"]
