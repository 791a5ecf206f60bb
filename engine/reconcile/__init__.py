"""From what a venue says to what the ledger holds: every report, answer and poll ends here."""

from engine.reconcile.adoption import Adoption
from engine.reconcile.drifting import DriftBoard
from engine.reconcile.reconciler import Reconciler, Resolution
from engine.reconcile.recorder import Recorder
from engine.reconcile.roads import Roads
from engine.reconcile.window import SettleTimes

__all__ = ["Adoption", "DriftBoard", "Reconciler", "Recorder", "Resolution", "Roads", "SettleTimes"]
