"""/api/docs: the OpenAPI document as a page that needs nothing from elsewhere."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from typing import Any, cast

from components.theme import FIRST_PAINT, asset_version

Json = Mapping[str, Any]
CODE = re.compile(r"`([^`]+)`")

STYLE = """
.column { width: min(860px, 100%); margin: 0 auto; display: flex; flex-direction: column; gap: var(--gap); }
.card { flex: none; }
code { color: var(--text); }
.method { display: inline-block; min-width: 4.5em; font-weight: 650; color: var(--accent); }
.path { font-weight: 600; }
details { border-top: 1px solid var(--line); padding: 9px 0; }
details:first-of-type { border-top: 0; }
summary { cursor: pointer; }
summary .dim { margin-left: 1em; }
pre { background: var(--raised); border-radius: 9px; padding: 10px 12px; overflow: auto; font-size: 11.5px; }
.body p { margin: 0; line-height: 1.55; }
table td, table th { font-size: 12px; }
"""


def docs_page(document: Json) -> str:
    """One card for each tag, one fold for each call."""
    version = asset_version()
    sheets = "".join(
        f'<link rel="stylesheet" href="/assets/{version}/static/{sheet}">' for sheet in ("theme.css", "pages.css")
    )
    introduction = CODE.sub(r"<code>\1</code>", _text(document["info"]["description"]))
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>API · Numatix</title>{FIRST_PAINT % ""}{sheets}<style>{STYLE}</style></head>
<body><main class="page"><div class="column"><div class="card"><div class="body">
<a class="logo" href="/">numat<i>ix</i></a><h1>HTTP interface</h1><p class="dim">{introduction}</p>
<p><a href="/api/openapi.json">openapi.json</a></p></div></div>{_cards(document)}</div></main></body></html>"""


def _cards(document: Json) -> str:
    by_tag: dict[str, list[str]] = {}
    for path, calls in cast("dict[str, dict[str, Json]]", document["paths"]).items():
        for method, call in calls.items():
            by_tag.setdefault(call.get("tags", ["other"])[0], []).append(_call(document, method, path, call))
    return "".join(
        f'<div class="card"><div class="body"><h2>{_text(tag)}</h2><div>{"".join(calls)}</div></div></div>'
        for tag, calls in by_tag.items()
    )


def _call(document: Json, method: str, path: str, call: Json) -> str:
    parts = [_parameters(call.get("parameters", []))]
    if "requestBody" in call:
        schema = call["requestBody"]["content"]["application/json"]["schema"]
        parts.append(f"<p class=mute>Body</p><pre>{_example(document, schema)}</pre>")
    for status, answer in call["responses"].items():
        schema = answer.get("content", {}).get("application/json", {}).get("schema")
        if status.startswith("2") and schema:
            parts.append(f"<p class=mute>Answers {status}</p><pre>{_example(document, schema)}</pre>")
    words = call.get("description") or call.get("summary", "")
    address = _text(f"/api{path}")
    return (
        f'<details><summary><span class="method">{method.upper()}</span><span class="path">{address}</span>'
        f'<span class="dim">{_text(words)}</span></summary>{"".join(parts)}</details>'
    )


def _parameters(parameters: list[Json]) -> str:
    rows = "".join(
        f'<tr><td class="left">{_text(one["name"])}</td><td class="left">{one["in"]}</td>'
        f'<td class="left">{"needed" if one.get("required") else "optional"}</td>'
        f'<td class="left">{_text(one.get("description", ""))}</td></tr>'
        for one in parameters
    )
    return f'<table class="table"><tbody>{rows}</tbody></table>' if rows else ""


def _example(document: Json, schema: Json) -> str:
    return _text(json.dumps(_sample(document, schema), indent=2))


def _sample(document: Json, schema: Json) -> Any:
    """A value of the schema's shape, with words for what it takes."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return _sample(document, document["components"]["schemas"][name])
    if schema.get("examples"):
        return schema["examples"][0]
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return _sample(document, schema["anyOf"][0])
    match schema.get("type"):
        case "object" if "properties" in schema:
            return {name: _sample(document, part) for name, part in schema["properties"].items()}
        case "object":
            return {"…": "…"}
        case "array":
            return [_sample(document, schema["items"])]
        case kind:
            return kind


def _text(text: str) -> str:
    return html.escape(text)
