"""The settings of a service by the names of their variables: the secret ones, and the rest."""

from typing import get_args

from pydantic import SecretStr
from pydantic_settings import BaseSettings

PREFIX, FROM_FILE = "CARELINE_", "_FILE"
"""A secret may be given as the path of a file that holds it, by its name with the latter behind."""


def plain(kind: type[BaseSettings]) -> list[str]:
    """Those that anybody may read."""
    return sorted(set(_names(kind)) - set(secret(kind)))


def secret(kind: type[BaseSettings]) -> list[str]:
    """Those that nobody may."""
    fields = kind.model_fields.items()
    return sorted(_variable(name) for name, field in fields if _is_secret(field.annotation))


def required(kind: type[BaseSettings]) -> list[str]:
    """Those without which it doesn't start."""
    fields = kind.model_fields.items()
    return sorted(_variable(name) for name, field in fields if field.is_required())


def read(kind: type[BaseSettings]) -> set[str]:
    """Every variable that is read, those that name files of secrets included."""
    return set(_names(kind)) | {f"{name}{FROM_FILE}" for name in secret(kind)}


def _names(kind: type[BaseSettings]) -> list[str]:
    return [_variable(name) for name in kind.model_fields]


def _variable(field: str) -> str:
    return f"{PREFIX}{field.upper()}"


def _is_secret(annotation: object) -> bool:
    return annotation is SecretStr or any(_is_secret(part) for part in get_args(annotation))
