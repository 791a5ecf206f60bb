"""Puts the order chain together: desk, worker, keeper and relay over one ledger, stream, bus and set of venues."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.accounts import Accounts
from engine.desk import Desk
from engine.domain.position import Balance
from engine.execution import Execution
from engine.feeds import Feeds
from engine.hub import Hub
from engine.ports import Account, BalancesUpdate, Drifts, EventBus, Ledger, PaperAccounts, Stream, Users, Venue, Watch
from engine.reconcile import Adoption, DriftBoard, Reconciler, Recorder, SettleTimes
from engine.relay import Relay
from engine.runtime import Clock, Ids, Supervisor
from engine.worker import RETRY_AFTER_S, DeadManWatch, Holding, Keeper, KeeperTimes, ListKeeper, Sweeping, Worker


@dataclass(frozen=True, slots=True)
class Chain:
    """What a desk process runs of the engine."""

    desk: Desk
    worker: Worker
    keeper: Keeper
    relay: Relay
    holding: Holding
    list_keeper: ListKeeper
    dead_man: DeadManWatch
    recorder: Recorder
    accounts: Accounts
    venues: Mapping[str, Venue]
    supervisor: Supervisor

    def start(self) -> None:
        """Recovery begins at once; `desk.readiness()` tells when orders can be taken."""
        self.desk.hub.start(self.supervisor)
        self.relay.start(self.supervisor)
        self.keeper.start(self.supervisor)
        self.worker.start(self.supervisor)
        self.holding.start(self.supervisor)
        self.list_keeper.start(self.supervisor)
        self.dead_man.start(self.supervisor)

    async def drain(self) -> None:
        """Take nothing new, and finish what is in hand; those who look on still see what comes of it."""
        await self.desk.end()
        await self.worker.drain(self.supervisor)

    async def close(self) -> None:
        """Finish what is in hand, end every task, then close the roads. What was not finished is recovered at the
        next start."""
        await self.drain()
        await self.supervisor.close()
        await self.accounts.close()
        for venue in self.venues.values():
            await venue.close()


def build_chain(
    *,
    ledger: Ledger,
    users: Users,
    drifts: Drifts,
    stream: Stream,
    bus: EventBus,
    venues: Mapping[str, Venue],
    paper: PaperAccounts | None,
    supervisor: Supervisor,
    clock: Clock,
    ids: Ids,
    settle_times: SettleTimes | None = None,
    keeper_times: KeeperTimes | None = None,
    retry_after_s: Sequence[float] = RETRY_AFTER_S,
    make_execution: type[Execution] = Execution,
    watch: Watch | None = None,
) -> Chain:
    """Nothing runs before `start`. The first venue is the desk's own exchange: orders wait for its first answer."""
    settle = settle_times or SettleTimes()
    hub = Hub(bus, ledger.sequence)

    async def tell(account: Account, balances: tuple[Balance, ...]) -> None:
        await bus.publish(BalancesUpdate(account.user_id, account.id, balances))

    relay = Relay(ledger, stream, clock)
    recorder = Recorder(ledger, bus, relay.send, clock, watch)
    accounts = Accounts(users, venues, paper, clock, ids, tell)
    board = DriftBoard(drifts, clock, ids)
    adoption = Adoption(ledger, recorder, accounts, board, clock, ids)
    reconciler = Reconciler(ledger, recorder, accounts, adoption, clock, ids, settle)
    sweeping = Sweeping(ledger, accounts, reconciler, board, clock)
    execution = make_execution(ledger, recorder, reconciler, accounts, clock, settle)
    worker = Worker(stream, execution, ids, retry_after_s)
    keeper = Keeper(ledger, accounts, venues, reconciler, sweeping, relay, hub.listening, clock, keeper_times)
    feeds = Feeds(venues, supervisor, clock)
    desk = Desk(
        ledger=ledger,
        users=users,
        drifts=drifts,
        reconciler=reconciler,
        venues=venues,
        recorder=recorder,
        accounts=accounts,
        feeds=feeds,
        hub=hub,
        waiting_for=keeper.waiting_for,
        clock=clock,
        ids=ids,
    )
    holding = Holding(ledger, recorder, accounts, feeds, clock)
    list_keeper = ListKeeper(ledger, recorder, accounts, clock, ids)
    dead_man = DeadManWatch(ledger, users, recorder, hub.listening, clock)
    return Chain(desk, worker, keeper, relay, holding, list_keeper, dead_man, recorder, accounts, venues, supervisor)
