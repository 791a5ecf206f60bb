"""From what a venue says to what the ledger holds: every report, answer and poll ends here."""

from engine.reconcile.reconciler import Reconciler, Resolution, SettleTimes
from engine.reconcile.recorder import Recorder
from engine.reconcile.roads import Roads

__all__ = ["Reconciler", "Recorder", "Resolution", "Roads", "SettleTimes"]
