"""Operations of the ledger carried out together: asked for together, decided one after another, answered together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from data.books import Books, Decision, Entries, Wanted
from data.calls import OperationCall
from engine.domain.messages import OrderChanged

Decided = tuple[OperationCall, Decision[Any]]


@dataclass(slots=True)
class Batch:
    """`wanted`, then `decide` on what was read, then `answer` with what was written; a try in vain begins afresh."""

    calls: Sequence[OperationCall]
    _decided: list[Decided] = field(default_factory=list[Decided])

    def wanted(self) -> Wanted:
        wanted = Wanted()
        for call in self.calls:
            call.operation.ask_for(wanted)
        return wanted

    def decide(self, books: Books) -> Entries:
        """What is to be written. A call that cannot be carried out keeps its error and adds nothing."""
        entries = Entries(books.writers)
        for call in self.calls:
            with call.keeping():
                decision = call.operation.decide(books)
                for change in decision.changes:
                    books.enter(change)
                entries.add(decision, call.operation.writer)
                self._decided.append((call, decision))
        entries.close()
        return entries

    def answer(self, entries: Entries, newest: Mapping[str, int]) -> None:
        """Give every call its result. `newest` is each user's last event number, those of this batch included."""
        numbers = iter(entries.numbered(newest))
        for call, decision in self._decided:
            told: list[OrderChanged | None] = []
            for change in decision.changes:
                number = next(numbers)[1] if change.visible else 0
                event = OrderChanged(number, change.order.user_id, change.order, change.new_fills)
                told.append(event if change.visible else None)
            call.result = decision.answer(told)
