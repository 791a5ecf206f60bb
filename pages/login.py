"""/login: a plain HTML page, so that nobody who is not logged in gets a NiceGUI page or a socket."""

from __future__ import annotations

import html
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from components.theme import FIRST_PAINT, asset_version
from engine.identity import Asker
from pages.guard import PageContext

HOME = "/"

FORM = """
<h1>Log in</h1>
<form data-post="/session" data-next="{next}">
  <label class="label" for="email">E-mail</label>
  <span class="field"><input id="email" name="email" type="email" autocomplete="username" required autofocus></span>
  <label class="label" for="password">Password</label>
  <span class="field"><input id="password" name="password" type="password" autocomplete="current-password"
    required></span>
  <p class="wrong" role="alert" hidden></p>
  <button class="send" type="submit">Log in</button>
</form>"""


def register(context: PageContext) -> None:
    """Serve /login."""

    async def login(request: Request) -> Response:
        target = safe_target(request.query_params.get("next"))
        if isinstance(getattr(request.state, "asker", None), Asker):
            return RedirectResponse(target, 303)
        if await context.identity.needs_owner():
            return door("No owner yet", NO_OWNER)
        return door("Log in", FORM.format(next=html.escape(target)))

    context.router.add_api_route("/login", login, include_in_schema=False)


NO_OWNER = """
<h1>This desk has no owner yet</h1>
<p class="dim">Open the one-time setup link that the desk printed to its console when it started.</p>"""


def login_address(request: Request) -> str:
    """Where to log in, and come back from to what was asked for."""
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return "/login" if asked == HOME else f"/login?next={quote(asked, safe='/')}"


def safe_target(target: str | None) -> str:
    """A path on this desk, or the start page: never another site."""
    if target is None or not target.startswith("/") or target.startswith(("//", "/\\")) or not target.isprintable():
        return HOME
    return target


def door(title: str, body: str, status: int = 200) -> Response:
    """A small card in the middle of the page; a form with `data-post` is sent as JSON by script."""
    version = asset_version()
    sheets = "".join(
        f'<link rel="stylesheet" href="/assets/{version}/static/{sheet}">' for sheet in ("theme.css", "pages.css")
    )
    page = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)} · Numatix</title>{FIRST_PAINT % ""}{sheets}<style>{STYLE}</style></head>
<body><main class="door"><div class="card"><div class="body"><span class="logo">numat<i>ix</i></span>{body}</div></div>
</main><script>{SCRIPT}</script></body></html>"""
    return HTMLResponse(page, status, {"Cache-Control": "no-store"})


def message(title: str, words: str, links: tuple[tuple[str, str], ...], *, status: int) -> Response:
    """A page that says one thing, and where to go from there: links as address and words."""
    ways = "".join(f'<a class="small" href="{html.escape(href)}">{html.escape(label)}</a>' for href, label in links)
    body = f'<h1>{html.escape(title)}</h1><p class="words">{html.escape(words)}</p><div class="filters">{ways}</div>'
    return door(title, body, status)


STYLE = """
.door form { display: flex; flex-direction: column; gap: 6px; margin: 4px 0 0; }
.door form .label { margin-top: 6px; }
.door .field { display: flex; align-items: center; background: var(--raised); border: 1px solid var(--line);
  border-radius: 9px; min-height: 38px; padding: 0 11px; }
.door .field:focus-within { border-color: var(--accent); }
.door input { flex: 1; min-width: 0; border: 0; outline: 0; background: none; color: var(--text); font-size: 13.5px; }
.door input:-webkit-autofill { -webkit-text-fill-color: var(--text); transition: background-color 99999s; }
.door .wrong { color: var(--sell); margin: 6px 0 0; line-height: 1.45; }
.door .send { margin-top: 12px; min-height: 40px; border-radius: 10px; background: var(--accent);
  color: var(--on-accent); font-weight: 650; font-size: 13.5px; text-align: center; }
.door .send:disabled { opacity: .6; }
.door p { margin: 0; line-height: 1.5; }
"""

SCRIPT = """
(() => {
  const form = document.querySelector("form[data-post]");
  if (!form) return;
  const wrong = form.querySelector(".wrong"), send = form.querySelector("button[type=submit]");
  const say = (text) => { wrong.textContent = text; wrong.hidden = !text; };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    say("");
    send.disabled = true;
    try {
      const answer = await fetch(form.dataset.post, {
        method: "POST", headers: {"Content-Type": "application/json"}, credentials: "same-origin",
        body: JSON.stringify(Object.fromEntries(new FormData(form))),
      });
      if (answer.ok) { location.replace(form.dataset.next); return; }
      const problem = await answer.json();
      say(problem.detail);
      const field = form.elements[problem.field] || form.elements.password;
      field.focus();
      field.select();
    } catch (error) {
      say("The desk does not answer. Is it still running?");
    } finally {
      send.disabled = false;
    }
  });
  // A link from another site arrives without the cookie; asked from here it comes along.
  if (form.dataset.post === "/session") fetch("/session", {credentials: "same-origin"})
    .then((answer) => answer.json())
    .then((asker) => { if (asker.email) location.replace(form.dataset.next); })
    .catch(() => {});
})();
"""
