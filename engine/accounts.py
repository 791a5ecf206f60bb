"""Users' accounts at venues: opening them, the roads to them, and what they hold."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import structlog

from engine.domain.instrument import Instrument
from engine.domain.order import Order
from engine.domain.position import Balance
from engine.domain.values import Conflict, Forbidden, NotFound, Refusal, Unavailable
from engine.ports import Account, Credentials, PaperAccounts, Users, Venue, VenueAccount, VenueError
from engine.runtime import Clock, Ids

log = structlog.get_logger(__name__)

PAPER_VENUE = "simulator"
PAPER_LABEL = "Paper"
PAPER_BALANCES: Mapping[str, Decimal] = {"USDT": Decimal(10_000), "BTC": Decimal("0.1"), "ETH": Decimal(1)}
BALANCES_KEPT_S = 15.0
"""Balances of an account that is followed are read this often anyway."""
USED_FOR_S = 900.0
LONGEST_LABEL = 40
KEY_TEXT = re.compile(r"[!-~]{1,512}")
"""A key goes out as a header: printable ASCII, no blank, no line end."""
SECRET_TEXT = re.compile(r"[ -~\r\n]{1,4096}")
"""Of an RSA or Ed25519 key the secret is a PEM file."""
OnBalances = Callable[[Account, tuple[Balance, ...]], Awaitable[None]]


@dataclass(slots=True)
class _Holding:
    """What an account is known to hold; `events` counts the stream's reports, to tell a reading that they overtook."""

    balances: dict[str, Balance] = field(default_factory=dict[str, Balance])
    read_at: float = float("-inf")
    changed_at: float = float("-inf")
    overtaken: set[str] = field(default_factory=set[str])


class Accounts:
    """Implements `engine.reconcile.Roads`. A road is opened by the first who needs it and then shared."""

    def __init__(
        self,
        users: Users,
        venues: Mapping[str, Venue],
        paper: PaperAccounts | None,
        clock: Clock,
        ids: Ids,
        on_balances: OnBalances,
    ) -> None:
        self._users = users
        self._venues = venues
        self._paper = paper
        self._clock = clock
        self._ids = ids
        self._on_balances = on_balances
        self._known: dict[str, Account] = {}
        self._roads: dict[str, VenueAccount] = {}
        self._opening: dict[str, asyncio.Lock] = {}
        self._holdings: dict[str, _Holding] = {}
        self._used: dict[str, float] = {}
        self._notices: dict[str, str] = {}

    # --- whose they are ---

    async def of_user(self, user_id: str) -> tuple[Account, ...]:
        return await self._users.accounts(user_id)

    async def everyone(self) -> tuple[Account, ...]:
        return await self._users.accounts()

    async def of(self, user_id: str, account_id: str | None) -> Account:
        """The named account, or the user's first. NotFound when there is none, or it is somebody else's."""
        mine = await self._users.accounts(user_id)
        self._known |= {account.id: account for account in mine}
        if account_id is None and mine:
            return mine[0]
        for account in mine:
            if account.id == account_id:
                return account
        if account_id is None:
            raise NotFound("no_account", "You have no account yet: open one on the account page.", "account_id")
        raise NotFound("unknown_account", "You have no account of that id.", "account_id")

    async def by_id(self, account_id: str) -> Account:
        """KeyError for an unknown one."""
        account = self._known.get(account_id) or await self._users.account(account_id)
        if account is None:
            raise KeyError(account_id)
        self._known[account_id] = account
        return account

    def venue_of(self, account_id: str) -> str:
        """The name of its venue; "unknown" for an account that was not asked for since the start."""
        account = self._known.get(account_id)
        return "unknown" if account is None else account.venue

    # --- roads ---

    async def road(self, account_id: str) -> VenueAccount:
        road = self._roads.get(account_id)
        if road is not None:
            return road
        async with self._opening.setdefault(account_id, asyncio.Lock()):
            if account_id not in self._roads:
                account = await self.by_id(account_id)
                if account.paper:
                    await self._make_sure_it_is_open(account)
                credentials = await self._users.credentials(account_id)
                self._roads[account_id] = await self._venue(account.venue).open_account(account_id, credentials)
        return self._roads[account_id]

    async def instrument_of(self, order: Order) -> Instrument:
        return await self.instrument_in(await self.by_id(order.account_id), order.symbol)

    async def account(self, account_id: str) -> Account:
        """As `by_id`: what `Roads` calls it."""
        return await self.by_id(account_id)

    async def instrument_in(self, account: Account, symbol: str) -> Instrument:
        """By our own name of it. VenueError when it is unknown or the venue cannot be reached."""
        instrument = (await self._venue(account.venue).instruments()).get(symbol)
        if instrument is None:
            raise VenueError("DELISTED", f"{symbol} is not listed at {account.venue} any more")
        return instrument

    async def instrument_named(self, account: Account, venue_symbol: str) -> Instrument:
        for instrument in (await self._venue(account.venue).instruments()).values():
            if instrument.venue_symbol == venue_symbol:
                return instrument
        raise VenueError("UNKNOWN_SYMBOL", f"{venue_symbol} is not listed at {account.venue}")

    async def replaces_at_once(self, order: Order) -> bool:
        return self._venue((await self.by_id(order.account_id)).venue).features.replace

    def touch(self, account_id: str) -> None:
        """Somebody uses it: it is followed for a while from now on."""
        self._used[account_id] = self._clock.monotonic()

    def in_use(self) -> frozenset[str]:
        """Accounts that were touched within the last quarter of an hour."""
        since = self._clock.monotonic() - USED_FOR_S
        self._used = {account_id: at for account_id, at in self._used.items() if at > since}
        return frozenset(self._used)

    async def close(self) -> None:
        roads, self._roads = tuple(self._roads.values()), {}
        await asyncio.gather(*(road.close() for road in roads))

    # --- opening and removing ---

    async def open_paper(self, user_id: str) -> Account:
        """The user's paper account. It is stored first and opened at the exchange after: a crash in between leaves an
        account whose opening is made up for by whoever needs it first."""
        async with self._opening.setdefault(f"paper of {user_id}", asyncio.Lock()):
            account = next((one for one in await self._users.accounts(user_id) if one.paper), None)
            if account is None:
                credentials = Credentials(self._ids.secret(), self._ids.secret())
                account = self._account(user_id, PAPER_VENUE, PAPER_LABEL, credentials, paper=True)
                await self._users.add_account(account, credentials)
        try:
            await self._make_sure_it_is_open(account)
        except VenueError as error:
            log.warning("paper account will be opened later", account=account.id, error=str(error))
        return account

    async def reopen_lost(self, account: Account) -> None:
        """The exchange no longer knows a paper account that it had opened (its journal is gone): open it anew, and say
        so. VenueError."""
        await self._open_at_exchange(account)
        self._notices[account.id] = (
            f"The built-in exchange lost the state of account {account.label!r}: it was opened again with the starting"
            " balances, and its open orders are gone."
        )
        log.error("paper account was lost by the exchange and opened again", account=account.id)

    def notices(self, account_ids: Iterable[str]) -> tuple[str, ...]:
        """What the owners of these accounts should know."""
        return tuple(self._notices[account_id] for account_id in account_ids if account_id in self._notices)

    async def add(self, user_id: str, venue: str, label: str, credentials: Credentials) -> Account:
        """Store a key after a signed call has shown what it may do."""
        of = self._venues.get(venue)
        if of is None or venue == PAPER_VENUE:
            raise NotFound("unknown_venue", f"No keys are taken for a venue named {venue[:LONGEST_LABEL]!a}.", "venue")
        label = label.strip()
        if not 1 <= len(label) <= LONGEST_LABEL or not label.isprintable():
            raise Refusal("bad_label", f"label takes 1 to {LONGEST_LABEL} printable characters.", "label")
        if KEY_TEXT.fullmatch(credentials.api_key) is None:
            raise Refusal("bad_key", "api_key takes 1 to 512 characters of ASCII without blanks.", "api_key")
        if SECRET_TEXT.fullmatch(credentials.secret) is None:
            raise Refusal("bad_key", "secret takes 1 to 4096 characters of ASCII.", "secret")
        try:
            may = await of.test_key(credentials)
        except VenueError as error:
            if error.auth:
                words = f"{of.title} refuses this key: {error.detail}"
                raise Refusal("key_refused", words, "api_key") from error
            raise Unavailable("venue_unreachable", f"{of.title} cannot be reached now: {error.detail}") from error
        if may.can_withdraw:
            raise Forbidden("key_may_withdraw", "This key may withdraw funds: make one that may only trade.", "api_key")
        if not may.can_trade:
            raise Forbidden("key_may_not_trade", "This key may not trade: allow it at the venue.", "api_key")
        account = self._account(user_id, venue, label, credentials, paper=False)
        try:
            await self._users.add_account(account, credentials)
        except ValueError as error:
            raise Conflict("label_taken", "You have an account of that venue and label already.", "label") from error
        return account

    async def remove(self, user_id: str, account_id: str) -> None:
        account = await self.of(user_id, account_id)
        if account.paper:
            raise Forbidden("paper_account_stays", "The paper account cannot be removed.", "account_id")
        try:
            await self._users.remove_account(account_id)
        except ValueError as error:
            raise Conflict(
                "account_has_open_orders", "The account has orders that are not finished: cancel them first."
            ) from error
        self._used.pop(account_id, None)
        self._known.pop(account_id, None)
        self._holdings.pop(account_id, None)
        road = self._roads.pop(account_id, None)
        if road is not None:
            await road.close()

    # --- balances ---

    async def balances(self, account_id: str) -> tuple[Balance, ...]:
        """What it holds, as last heard; read anew when that is too long ago. VenueError."""
        holding = self._holdings.get(account_id)
        if holding is None or self._clock.monotonic() - holding.read_at > BALANCES_KEPT_S:
            await self.read_balances(account_id)
        return self._held(account_id)

    async def read_balances(self, account_id: str) -> None:
        """Ask the venue; what its stream reports meanwhile is newer than the answer and stays. VenueError."""
        road = await self.road(account_id)
        holding = self._holdings.setdefault(account_id, _Holding())
        holding.overtaken.clear()
        read = {balance.asset: balance for balance in await road.balances()}
        kept = {asset: holding.balances[asset] for asset in holding.overtaken}
        before = holding.balances
        holding.balances = read | kept
        holding.read_at = self._clock.monotonic()
        if holding.balances != before:
            await self._tell(account_id, holding)

    async def learn(self, account_id: str, changed: Iterable[Balance]) -> None:
        """The venue's stream reported these assets as they are now."""
        holding = self._holdings.setdefault(account_id, _Holding())
        for balance in changed:
            holding.balances[balance.asset] = balance
            holding.overtaken.add(balance.asset)
        if holding.read_at > float("-inf"):
            await self._tell(account_id, holding)

    def changed_at(self, account_id: str) -> float:
        """When its balances last changed, on the monotonic clock."""
        holding = self._holdings.get(account_id)
        return float("-inf") if holding is None else holding.changed_at

    async def _tell(self, account_id: str, holding: _Holding) -> None:
        holding.changed_at = self._clock.monotonic()
        await self._on_balances(await self.by_id(account_id), self._held(account_id))

    def _held(self, account_id: str) -> tuple[Balance, ...]:
        balances = self._holdings[account_id].balances
        return tuple(balances[asset] for asset in sorted(balances) if balances[asset].total)

    # --- parts ---

    def _venue(self, name: str) -> Venue:
        venue = self._venues.get(name)
        if venue is None:
            raise VenueError("NO_SUCH_VENUE", f"this desk is not set up for {name}")
        return venue

    def _account(self, user_id: str, venue: str, label: str, credentials: Credentials, *, paper: bool) -> Account:
        return Account(self._ids.new(), user_id, venue, label, credentials.fingerprint, self._clock.now(), paper=paper)

    async def _make_sure_it_is_open(self, account: Account) -> None:
        if await self._users.preference(account.user_id, _opened(account)) is None:
            await self._open_at_exchange(account)

    async def _open_at_exchange(self, account: Account) -> None:
        if self._paper is None:
            raise VenueError("NO_PAPER", "this desk has no built-in exchange to open paper accounts on")
        await self._paper.create(await self._users.credentials(account.id), PAPER_BALANCES)
        await self._users.set_preference(account.user_id, _opened(account), self._clock.now().isoformat())


def _opened(account: Account) -> str:
    return f"paper_opened:{account.id}"
