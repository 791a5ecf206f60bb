"""From what a venue says to what the ledger holds: every report, answer and poll ends here."""

from engine.reconcile.reconciler import Reconciler, Resolution
from engine.reconcile.recorder import Recorder
from engine.reconcile.roads import Roads
from engine.reconcile.window import SettleTimes

__all__ = ["Reconciler", "Recorder", "Resolution", "Roads", "SettleTimes"]
