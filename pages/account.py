"""/account: who one is, the accounts at venues, and adding a key of one's own."""

from __future__ import annotations

from nicegui import ui
from starlette.requests import Request

from components.account_form import AccountForm, KeyEntry
from components.text import Text
from engine.domain.values import Refusal
from engine.identity import Asker
from engine.ports import Account, Credentials
from pages.frame import LOG_OUT, dress_for, reading_page
from pages.guard import PageContext, asker_of
from pages.session import Session

KEYED_VENUE = "binance_testnet"


def register(context: PageContext) -> None:
    """Serve /account."""

    @ui.page("/account")
    async def account(request: Request) -> None:
        asker = asker_of(request)
        await dress_for(context, asker)
        session = Session(ui.context.client, asker, context)
        with reading_page(context, asker, "Account", "/account"):
            _who(asker)
            page = AccountPage(context, session)
            await page.build()


def _who(asker: Asker) -> None:
    with ui.element("section").classes("card wide"), ui.element("div").classes("body"):
        Text("You", tag="h1")
        with ui.element("div").classes("line-row"):
            Text(asker.user.email)
            Text(asker.user.role.value, "tag")
            ui.element("span").classes("spring")
            Text("Log out", "small", tag="button").on("click", js_handler=LOG_OUT)


class AccountPage:
    """The list of accounts and the form, for one tab."""

    def __init__(self, context: PageContext, session: Session) -> None:
        self._desk, self._session = context.desk, session
        self._titles = {venue.name: venue.title for venue in context.desk.venues()}

    async def build(self) -> None:
        with ui.element("section").classes("card wide"), ui.element("div").classes("body"):
            Text("Accounts", tag="h1")
            self._list = ui.element("div")
        if KEYED_VENUE in self._titles:
            with ui.element("section").classes("card wide"), ui.element("div").classes("body"):
                Text(f"Add a {self._titles[KEYED_VENUE]} key", tag="h1")
                Text(
                    "Make one at testnet.binance.vision with leave to trade on spot and none to withdraw. It is tested"
                    " with a call, kept encrypted and never shown again.",
                    "words",
                    tag="p",
                )
                AccountForm(self._add)
        await self._show()

    async def _show(self) -> None:
        accounts = await self._desk.accounts(self._session.user_id)
        self._list.clear()
        with self._list:
            if not accounts:
                Text("No account yet: your paper account is being opened.", "words", tag="p")
            for account in accounts:
                self._row(account)

    def _row(self, account: Account) -> None:
        with ui.element("div").classes("line-row").props(f'data-account="{account.id}"'):
            Text(account.label)
            Text(self._titles.get(account.venue, account.venue), "tag")
            Text(f"key …{account.key_fingerprint}", "mute")
            ui.element("span").classes("spring")
            if account.paper:
                Text("paper", "pill")
            else:
                Text("Remove", "small danger", tag="button").on("click", lambda: self._remove(account))

    async def _add(self, entry: KeyEntry) -> str | None:
        """Test and keep a key; what is wrong in words, None when it was added."""
        try:
            await self._desk.add_account(
                self._session.user_id, KEYED_VENUE, entry.label, Credentials(entry.api_key, entry.secret)
            )
        except Refusal as refusal:
            return refusal.message[:1].upper() + refusal.message[1:]
        await self._show()
        return None

    async def _remove(self, account: Account) -> None:
        with self._session.client, ui.dialog() as dialog, ui.element("div").classes("q-card confirm"):
            Text(f"Remove {account.label}?", tag="h2")
            Text("The desk forgets its key. Orders and fills of the past stay in the history.", "words", tag="p")
            with ui.element("div").classes("actions"):
                Text("Keep it", "small", tag="button").on("click", lambda: dialog.submit("keep"))
                Text("Remove", "small danger", tag="button").on("click", lambda: dialog.submit("remove"))
        if await dialog == "remove":
            try:
                await self._desk.remove_account(self._session.user_id, account.id)
            except Refusal as refusal:
                self._session.say_refusal(refusal)
            await self._show()
        dialog.delete()
