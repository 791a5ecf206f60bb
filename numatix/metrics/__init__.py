"""What an operator measures of a desk process: counted where it happens, read when it is asked for.

`meters.py` holds what is counted on the way; `readings.py` what is looked up at a scrape; `routes.py` serves both to
those who may see them. All of it hangs on one registry, which wiring makes and hands over.
"""

from numatix.metrics.meters import Meters
from numatix.metrics.readings import Readings
from numatix.metrics.routes import metrics_routes

__all__ = ["Meters", "Readings", "metrics_routes"]
