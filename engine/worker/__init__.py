"""The execution worker: carries out commands, follows accounts, and recovers whatever a crash left behind."""

from engine.worker.keeper import Keeper, KeeperTimes
from engine.worker.worker import SetAside, Worker

__all__ = ["Keeper", "KeeperTimes", "SetAside", "Worker"]
