"""The execution worker: carries out commands, follows accounts, and recovers whatever a crash left behind."""

from engine.worker.keeper import Keeper, KeeperTimes
from engine.worker.worker import MOST_ATTEMPTS, RETRY_AFTER_S, Worker

__all__ = ["MOST_ATTEMPTS", "RETRY_AFTER_S", "Keeper", "KeeperTimes", "Worker"]
