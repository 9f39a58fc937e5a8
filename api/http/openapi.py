"""The API's description, OpenAPI 3.1, out of the table of routes and the models that check requests."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from .auth import CHECKSUM, RANDOM
from .schemas import MAX_TOKEN, TEXT, Caption, Readiness, Refused

if TYPE_CHECKING:
    from .routes import Route

REF: Final = "#/components/schemas/{model}"
SECURITY: Final[list[dict[str, list[str]]]] = [
    {"bearer": []},
    {"random": [], "checksum": []},
    {"appVersion": [], "appId": [], "appApiVersion": [], "appSecret": []},
]
DESCRIPTION: Final = """Live captions for conference rooms. A chat server asks for them, per reader; they arrive as
signaling messages of type `transcript`. Every error has `error`, in words; wrong fields are listed in `detail`.
Without any secret configured, none is needed, and only callers on the same machine are served."""


#: Not over HTTP: a signaling message to each reader. OpenAPI has no other word for what comes unasked.
CAPTION: Final[dict[str, Any]] = {
    "summary": "A caption, as a message of the signaling server to a reader (not over HTTP)",
    "tags": ["Captions"],
    "requestBody": {"content": {"application/json": {"schema": {"$ref": REF.format(model="Caption")}}}},
    "responses": {"default": {"description": "None: it is a message."}},
}


def describe(routes: Iterable[Route]) -> dict[str, Any]:
    """The whole document."""
    routes = tuple(routes)
    models: set[type[BaseModel]] = {Caption, Refused, *(each for route in routes for each in _models(route))}
    _, definitions = models_json_schema(
        [(model, "validation") for model in sorted(models, key=lambda each: each.__name__)], ref_template=REF
    )
    schemas: dict[str, Any] = definitions.get("$defs", {})
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "roomscribe",
            "version": importlib.metadata.version("roomscribe"),
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "webhooks": {"caption": {"post": CAPTION}},
        "components": {"schemas": schemas, "securitySchemes": _security_schemes()},
    }


def _models(route: Route) -> list[type[BaseModel]]:
    """Of its body and its answer, those that have a name in the document."""
    candidates: tuple[Any, ...] = (route.body, route.success)
    return [each for each in candidates if isinstance(each, type) and issubclass(each, BaseModel)]


def _operation(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.handler.__name__,
        "summary": route.summary,
        "tags": [route.group],
        "responses": _responses(route, schemas),
        "security": SECURITY if route.secret else [],
    }
    if route.body is not None:
        content = {"application/json": {"schema": {"$ref": REF.format(model=route.body.__name__)}}}
        operation["requestBody"] = {"required": True, "content": content}
    if parameters := [*_path_parameters(route), *_query_parameters(route)]:
        operation["parameters"] = parameters
    return operation


def _responses(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    told = {
        403: "Without any secret configured: a foreign `Host`, or a page of another server (`Origin`).",
        429: "Too many requests, or too many readers in a room: `Retry-After` says when to come again.",
    }
    if route.secret:
        told[401] = "No secret that the server knows."
    if route.body is not None:
        told |= {
            408: "The body did not come in time.",
            413: "The body is larger than 64 KiB.",
            415: "The body is not application/json.",
        }
    if route.body is not None or route.query is not None:
        told[422] = "A field is missing or wrong: `detail` names each."
    told |= route.answers
    refused = {"application/json": {"schema": {"$ref": REF.format(model="Refused")}}}
    responses: dict[str, Any] = {"200": _success(route, schemas)}
    for code, text in sorted(told.items()):
        responses[str(code)] = {"description": text, "content": refused}
        if code == 503 and route.success is Readiness:
            responses["503"]["content"] = responses["200"]["content"]
        if code in (429, 503):
            header = {"description": "Seconds until it may be otherwise.", "schema": {"type": "integer", "minimum": 1}}
            responses[str(code)]["headers"] = {"Retry-After": header}
    return responses


def _success(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    if route.success is None:
        return {"description": route.summary, "content": {"text/plain": {"schema": {"type": "string"}}}}
    if isinstance(route.success, type) and issubclass(route.success, BaseModel):
        schema: dict[str, Any] = {"$ref": REF.format(model=route.success.__name__)}
    else:
        schema = TypeAdapter(route.success).json_schema(ref_template=REF)
        schemas |= schema.pop("$defs", {})
    return {"description": route.summary, "content": {"application/json": {"schema": schema}}}


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    if "{token}" not in route.path:
        return []
    text = {"type": "string", "minLength": 1, "maxLength": MAX_TOKEN, "pattern": TEXT}
    return [{"name": "token", "in": "path", "required": True, "description": "The room.", "schema": text}]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    schema = route.query.model_json_schema()
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": each.pop("description", ""),
            "schema": {key: value for key, value in each.items() if key != "title"},
        }
        for name, each in schema["properties"].items()
    ]


def _security_schemes() -> dict[str, Any]:
    def header(name: str, text: str) -> dict[str, Any]:
        return {"type": "apiKey", "in": "header", "name": name, "description": text}

    return {
        "bearer": {"type": "http", "scheme": "bearer", "description": "One of the secrets that are shared."},
        "random": header(RANDOM, "32 to 255 characters, new with each request."),
        "checksum": header(
            CHECKSUM,
            "HMAC-SHA256, in hex, of the random followed by the body, with a shared secret as key. Taken once.",
        ),
        "appVersion": header("EX-APP-VERSION", "The app's version."),
        "appId": header("EX-APP-ID", "The app's id."),
        "appApiVersion": header("AA-VERSION", "AppAPI's version."),
        "appSecret": header("AUTHORIZATION-APP-API", "base64 of user:secret; the user may be empty."),
    }
