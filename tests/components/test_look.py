"""The look's promises that can be measured: contrast in both themes, and one truth for the colours."""

from __future__ import annotations

import re

import pytest

from components.theme import STATIC, TOKENS, Theme

SHEET = (STATIC / "theme.css").read_text()
WORDS = ("text", "dim", "mute", "accent", "buy", "sell", "doubt")


def colours(theme: Theme) -> dict[str, str]:
    """The tokens of a theme as the style sheet gives them."""
    block = re.search(rf'\[data-theme="{theme}"\] \{{(.*?)\n\}}', SHEET, re.DOTALL)
    assert block is not None
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})\b", block.group(1)))


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", list(Theme))
@pytest.mark.parametrize("ground", ["card", "raised"])
@pytest.mark.parametrize("word", WORDS)
def test_words_can_be_read_on_every_ground(theme: Theme, ground: str, word: str) -> None:
    tokens = colours(theme)
    assert contrast(tokens[word], tokens[ground]) >= 4.5


@pytest.mark.parametrize("theme", list(Theme))
@pytest.mark.parametrize("side", ["buy", "sell", "accent"])
def test_words_can_be_read_on_coloured_buttons(theme: Theme, side: str) -> None:
    tokens = colours(theme)
    assert contrast(tokens[f"on-{side}"], tokens[side]) >= 4.5


@pytest.mark.parametrize("theme", list(Theme))
def test_the_chart_is_painted_in_the_style_sheets_colours(theme: Theme) -> None:
    tokens = colours(theme)
    assert {name: tokens[name] for name in TOKENS[theme]} == TOKENS[theme]
