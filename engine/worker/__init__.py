"""The execution worker: carries out commands, follows accounts, and recovers whatever a crash left behind."""

from engine.worker.dead_man import DeadManWatch
from engine.worker.holding import Holding
from engine.worker.keeper import Keeper, KeeperTimes
from engine.worker.list_keeper import ListKeeper
from engine.worker.sweeping import Sweeping
from engine.worker.worker import MOST_ATTEMPTS, RETRY_AFTER_S, Worker

__all__ = [
    "MOST_ATTEMPTS",
    "RETRY_AFTER_S",
    "DeadManWatch",
    "Holding",
    "Keeper",
    "KeeperTimes",
    "ListKeeper",
    "Sweeping",
    "Worker",
]
