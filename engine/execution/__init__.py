"""Carries out commands: an order is sent once, and from then on only asked after."""

from engine.execution.execution import Execution
from engine.execution.sending import PENDING_AT_MOST

__all__ = ["PENDING_AT_MOST", "Execution"]
