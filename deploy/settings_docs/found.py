"""Every setting that there is: found by looking for settings classes, so that none is left out."""

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from shared.setting_problems import FROM_FILE, variable
from shared.setting_words import Kind, expected

ROOT = Path(__file__).parents[2]

COMMANDS: Mapping[str, str] = {
    "CARELINE_FAILPOINT": "For tests: where a service is to die, and the how manieth time.",
    "CARELINE_FAULTS_SEED": "For tests: which faults are drawn.",
    "CARELINE_FREE_PORTS": "For tests: their share of the free ports.",
    "CARELINE_HOME": "Where the desk on one machine keeps what it has; `.careline` by default.",
    "CARELINE_MAVEN_REPOSITORY": "From where `make run` fetches Kafka; Maven Central by default.",
    "CARELINE_PORT_BASE": "The first port of the desk on one machine; 8101 by default.",
    "CARELINE_TEST_STACK": "For tests: the Kafka and Postgres that several processes share.",
}
"""Variables that no service reads."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as one or several services read it."""

    name: str
    takes: str
    default: str
    unit: str
    meaning: str
    required: bool
    secret: bool


def classes() -> dict[str, type[BaseSettings]]:
    """The settings class of each service, and of whatever else has one, by its name."""
    files = [*ROOT.glob("services/*/settings.py"), *ROOT.glob("deploy/*/settings.py")]
    return {path.parent.name: _class_in(path) for path in sorted(files)}


def settings() -> dict[Setting, list[str]]:
    """Each setting with those who read it; the same name stands twice where it differs."""
    found: dict[Setting, list[str]] = {}
    for service, kind in classes().items():
        for name, field in kind.model_fields.items():
            found.setdefault(_setting(name, field), []).append(service)
    return dict(sorted(found.items(), key=lambda item: item[0].name))


def names() -> Iterator[str]:
    """Every variable that anything of Careline reads, in their order."""
    found = set(COMMANDS)
    for setting in settings():
        found |= {setting.name} | ({setting.name + FROM_FILE} if setting.secret else set())
    yield from sorted(found)


def _class_in(path: Path) -> type[BaseSettings]:
    """The one class in a file that no other class in it builds upon."""
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    own = [
        each
        for each in vars(module).values()
        if isinstance(each, type)
        and issubclass(each, BaseSettings)
        and each.__module__ == module.__name__
    ]
    (found,) = [each for each in own if not any(each in other.__mro__[1:] for other in own)]
    return found


def _setting(name: str, field: FieldInfo) -> Setting:
    kind = Kind.of(field)
    return Setting(
        name=variable(name),
        takes=expected(field),
        default=_default(field),
        unit=kind.unit or "",
        meaning=" ".join((field.description or "").split()),
        required=field.is_required(),
        secret=kind.is_secret,
    )


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is PydanticUndefined or value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return ",".join(f"{key}={each}" for key, each in value.items())
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    if isinstance(value, float):
        return f"{value:g}" if value < 1e6 else f"{value:.0f}"  # noqa: PLR2004 - where %g rounds
    return "" if Kind.of(field).is_secret else str(value)
