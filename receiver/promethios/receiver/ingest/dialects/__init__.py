"""What other systems of governance decided, told in their own words: read into decisions and violations.

`table` has the words of each system, `reading` reads by it, `rows` makes the rows. A decision of another
system has its dialect in `decisions.dialect` and no number of its own; it does not move an agent's trust.
"""

from promethios.receiver.ingest.dialects.rows import add_others_of_record, add_others_of_span
from promethios.receiver.ingest.dialects.table import EVENT_NAME, MARKERS

__all__ = ["EVENT_NAME", "MARKERS", "add_others_of_record", "add_others_of_span"]
