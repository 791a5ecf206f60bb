"""/setup?code=…: makes the desk's owner, once."""

from __future__ import annotations

import html

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pages.guard import PageContext
from pages.login import HOME, door

FORM = """
<h1>Set up your desk</h1>
<p class="dim">You become its owner, with a paper account to practise on:
10,000 USDT, 0.1 BTC and 1 ETH.</p>
<form data-post="/setup" data-next="{home}">
  <input type="hidden" name="code" value="{code}">
  <label class="label" for="email">E-mail</label>
  <span class="field"><input id="email" name="email" type="email" autocomplete="username" required autofocus></span>
  <label class="label" for="password">Password, at least 10 characters</label>
  <span class="field"><input id="password" name="password" type="password" autocomplete="new-password" minlength="10"
    maxlength="1024" required></span>
  <p class="wrong" role="alert" hidden></p>
  <button class="send" type="submit">Create owner</button>
</form>"""

USED_UP = """
<h1>This setup link does not work</h1>
<p class="dim">It is used up or of an earlier start. The newest one stands in the desk's console.</p>"""


def register(context: PageContext) -> None:
    """Serve /setup."""

    async def setup(request: Request) -> Response:
        if not await context.identity.needs_owner():
            return RedirectResponse("/login", 303)
        code = request.query_params.get("code", "")
        if not context.identity.is_setup_code(code):
            return door("Set up", USED_UP, 403)
        return door("Set up", FORM.format(code=html.escape(code), home=HOME))

    context.router.add_api_route("/setup", setup, include_in_schema=False)
