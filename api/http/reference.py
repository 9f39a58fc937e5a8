"""The API's description for people: one page, made from the same document that programs read."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from .keys import DOCUMENT

PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="dark light">
<title>roomscribe {version}: the API</title>
<link rel="stylesheet" href="/pages/reference.css">
</head>
<body>
<header><h1>The API of roomscribe {version}</h1>
<p>{description}</p>
<p>For programs: <a href="/openapi.json">openapi.json</a>.</p>
<nav aria-label="Calls"><ul>{contents}</ul></nav></header>
<main>{calls}</main>
</body>
</html>
"""


async def document(request: web.Request) -> web.Response:
    return web.json_response(request.app[DOCUMENT])


async def page(request: web.Request) -> web.Response:
    """Made with each request: it is looked at rarely."""
    described: dict[str, Any] = request.app[DOCUMENT]
    return web.Response(text=render(described), content_type="text/html", charset="utf-8")


def render(described: Mapping[str, Any]) -> str:
    """The page for a document of `api.http.openapi`."""
    contents, calls = [], []
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            name, target = f"{method.upper()} {path}", operation["operationId"]
            contents.append(f'<li><a href="#{_text(target)}"><code>{_text(name)}</code></a></li>')
            calls.append(_call(name, target, operation, described["components"]["schemas"]))
    calls.append(_caption(described["components"]["schemas"]))
    contents.append('<li><a href="#caption">Captions</a></li>')
    return PAGE.format(
        version=_text(described["info"]["version"]),
        description=_prose(described["info"]["description"]),
        contents="\n".join(contents),
        calls="\n".join(calls),
    )


def _call(name: str, target: str, operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    parts = [
        f'<section id="{_text(target)}"><h2><code>{_text(name)}</code></h2>',
        f"<p>{_prose(operation['summary'])}.</p>",
    ]
    if not operation["security"]:
        parts.append("<p>Needs no secret.</p>")
    fields = [
        (each["name"], each["schema"], each["required"], each["description"])
        for each in operation.get("parameters", [])
    ]
    if "requestBody" in operation:
        fields += _fields(operation["requestBody"]["content"]["application/json"]["schema"], schemas)
    if fields:
        rows = "".join(
            f"<tr><td><code>{_text(field)}</code></td><td>{_text(_kind(schema))}</td>"
            f"<td>{'required' if required else _default(schema)}</td><td>{_prose(text)}</td></tr>"
            for field, schema, required, text in fields
        )
        parts.append(
            f"<table><thead><tr><th>field<th>type<th>default<th>meaning</tr></thead><tbody>{rows}</tbody></table>"
        )
    answers = "".join(_answer(code, each, schemas) for code, each in operation["responses"].items())
    parts.append(f"<table><thead><tr><th>answer<th>meaning</tr></thead><tbody>{answers}</tbody></table></section>")
    return "".join(parts)


def _caption(schemas: Mapping[str, Any]) -> str:
    found = schemas["Caption"]
    rows = "".join(_item(name, each) for name, each in found["properties"].items())
    return f'<section id="caption"><h2>Captions</h2><p>{_prose(found["description"])}</p><ul>{rows}</ul></section>'


def _answer(code: str, answer: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    shape = _shape(answer, schemas) if code == "200" else ""
    return f"<tr><td>{_text(code)}</td><td>{_prose(answer['description'])}{shape}</td></tr>"


def _fields(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> list[tuple[str, Any, bool, str]]:
    found = schemas[schema["$ref"].rpartition("/")[2]]
    required = found.get("required", [])
    return [(name, each, name in required, each.get("description", "")) for name, each in found["properties"].items()]


def _shape(answer: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    schema = answer["content"].get("application/json", {}).get("schema", {})
    if "$ref" not in schema:
        return ""
    found = schemas[schema["$ref"].rpartition("/")[2]].get("properties", {})
    rows = "".join(_item(name, each) for name, each in found.items())
    return f"<ul>{rows}</ul>" if rows else ""


def _item(name: str, schema: Mapping[str, Any]) -> str:
    meaning = f": {_prose(schema['description'])}" if "description" in schema else ""
    return f"<li><code>{_text(name)}</code> {_text(_kind(schema))}{meaning}</li>"


def _kind(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    kind = str(schema.get("type", "any"))
    if "maxLength" in schema:
        return f"{kind} of {schema.get('minLength', 0)} to {schema['maxLength']} characters"
    if "items" in schema:
        return f"array of {_kind(schema['items'])}"
    return kind


def _default(schema: Mapping[str, Any]) -> str:
    default = schema.get("default", "–")
    return _text({True: "true", False: "false", None: "null"}.get(default, str(default)))


def _prose(text: str) -> str:
    """`Backquotes` are code."""
    pieces = text.split("`")
    return "".join(f"<code>{_text(each)}</code>" if at % 2 else _text(each) for at, each in enumerate(pieces))


def _text(text: str) -> str:
    return html.escape(text, quote=True)
