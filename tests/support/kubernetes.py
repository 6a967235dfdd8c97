"""Objects held against the schemas that Kubernetes and the makers of operators have published."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped] # it has no types
from jsonschema import Draft202012Validator

VERSION = "1.31"
"""Of Kubernetes."""
FOLDER = Path(__file__).parent / "published"
CUSTOM = {
    "ScaledObject": "keda.sh/v1alpha1",
    "TriggerAuthentication": "keda.sh/v1alpha1",
    "ServiceMonitor": "monitoring.coreos.com/v1",
    "PrometheusRule": "monitoring.coreos.com/v1",
}


def problems(manifest: dict[str, Any]) -> list[str]:
    """What is wrong with an object; fields that nobody knows are wrong, too."""
    kind = manifest["kind"]
    if kind in CUSTOM:
        found = [error.message for error in _validator(kind).iter_errors(manifest)]
        fits = manifest["apiVersion"] == CUSTOM[kind]
        return found if fits else [*found, f"{manifest['apiVersion']} is not {CUSTOM[kind]}"]
    try:
        kubernetes_validate.validate(manifest, VERSION, strict=True)
    except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
        return [str(error.message)]
    return []


@cache
def _validator(kind: str) -> Draft202012Validator:
    schema = _closed(json.loads((FOLDER / f"{kind}.json").read_text(encoding="utf-8")))
    schema["properties"]["metadata"] = {"type": "object"}
    return Draft202012Validator(schema)


def _closed(schema: Any) -> Any:  # noqa: ANN401 - any JSON
    """A server drops fields that it doesn't know without a word; here they are mistakes."""
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _closed(part) for key, part in schema.items()}
    is_open = "additionalProperties" in made or made.get("x-kubernetes-preserve-unknown-fields")
    if isinstance(made.get("properties"), dict) and not is_open:
        made["additionalProperties"] = False
    return made
