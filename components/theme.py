"""The look: tokens in both themes, the typeface and the style sheets, right at the first paint."""

from __future__ import annotations

import functools
import gzip
import hashlib
from enum import StrEnum
from pathlib import Path

import fontpkg_inter
from nicegui import app, ui
from starlette.responses import Response

STATIC = Path(__file__).parent / "static"
FAVICON = STATIC / "favicon.svg"
FONT = fontpkg_inter.ROOT / "files" / "Inter[opsz,wght].ttf"
SHEETS = ("theme.css", "pages.css", "desk.css", "panels.css", "ticket.css")
YEAR_S = 31_536_000


class Theme(StrEnum):
    DARK = "dark"
    LIGHT = "light"

    @property
    def opposite(self) -> Theme:
        return Theme.LIGHT if self is Theme.DARK else Theme.DARK


TOKENS = {
    Theme.DARK: {
        "ground": "#0a0d12",
        "card": "#11151c",
        "raised": "#181e28",
        "line": "#222a36",
        "text": "#e7ebf1",
        "dim": "#8d98a9",
        "accent": "#f2b544",
        "buy": "#21b57d",
        "sell": "#f4626e",
    },
    Theme.LIGHT: {
        "ground": "#e9edf3",
        "card": "#ffffff",
        "raised": "#f4f6fa",
        "line": "#dde3ec",
        "text": "#131a24",
        "dim": "#566274",
        "accent": "#8a5900",
        "buy": "#07724a",
        "sell": "#c02b3c",
    },
}
"""The colours that something outside CSS needs (the chart's canvas); `theme.css` holds all of them."""

FIRST_PAINT = """<link rel="icon" href="/favicon.ico" type="image/svg+xml"><script>
(() => {
  let theme = "%s";
  try {
    theme = theme || localStorage.getItem("numatix-theme") || "";
    if (theme) localStorage.setItem("numatix-theme", theme);
  } catch (error) { /* storage may be switched off: the system's taste decides */ }
  theme = theme || (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark");
  document.documentElement.dataset.theme = theme;
})();
</script>"""


def read_theme(text: str | None) -> Theme | None:
    """The theme of a stored preference; None when there is none that we know."""
    return Theme(text) if text in set(Theme) else None


def serve_assets() -> None:
    """Register the style sheets and the typeface once, under an address that changes with their content."""
    version = asset_version()
    app.add_static_files(f"/assets/{version}/static", STATIC, max_cache_age=YEAR_S)
    app.get(f"/assets/{version}/font/inter.ttf", include_in_schema=False)(_font)


def _font() -> Response:
    """Compressed once: nearly a megabyte would cost every first visit a tenth of a second of the event loop."""
    headers = {"Content-Encoding": "gzip", "Cache-Control": f"public, max-age={YEAR_S}, immutable"}
    return Response(_compressed_font(), media_type="font/ttf", headers=headers)


@functools.cache
def _compressed_font() -> bytes:
    return gzip.compress(FONT.read_bytes(), 6)


def dress(theme: Theme | None) -> None:
    """Give the page that is being built our look; without a theme the browser's own memory or taste decides."""
    version = asset_version()
    links = "".join(f'<link rel="stylesheet" href="/assets/{version}/static/{sheet}">' for sheet in SHEETS)
    font = f'<link rel="preload" href="/assets/{version}/font/inter.ttf" as="font" type="font/ttf" crossorigin>'
    ui.add_head_html(FIRST_PAINT % (theme or "") + font + links)


@functools.cache
def asset_version() -> str:
    """Ten hex digits that change when any asset does."""
    digest = hashlib.sha256()
    for path in sorted(file for file in STATIC.rglob("*") if file.is_file()):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:10]
