"""What is wrong with the environment that a service was given: all of it, in lines to be read.

No value of a text is ever repeated: somebody may have put a password under the wrong name.
"""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings

from shared.setting_words import Kind, expected, got

PREFIX = "CARELINE_"
FROM_FILE = "_FILE"
"""Behind the name of a secret: the path of a file that holds it."""
KNOWN = Path(__file__).with_name("known_settings.txt")
"""Every name that anything of Careline reads: services know nothing of each other, and may be given
one environment for all. It is written by `make docs`, as docs/configuration.md is."""
_CLUSTER_LINK = re.compile(r"_SERVICE_(HOST|PORT)|_PORT_\d+_(TCP|UDP)")
"""What Kubernetes adds by itself for a service whose name begins like our variables."""
LONGEST_SECRET = 64 * 1024


def variable(name: str) -> str:
    """The environment variable of a field."""
    return f"{PREFIX}{name.upper()}"


def secrets_from_files(
    kind: type[BaseSettings], environ: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Secrets whose variable names a file, and by field what is wrong with such files."""
    found, problems = dict[str, Any](), dict[str, str]()
    for name, field in kind.model_fields.items():
        told = variable(name) + FROM_FILE
        if not Kind.of(field).is_secret or not environ.get(told):
            continue
        if environ.get(variable(name)):
            problems[name] = f"{told}: expected nothing, since {variable(name)} is given already"
            continue
        try:
            found[name] = _read(Path(environ[told]))
        except ValueError as error:
            problems[name] = f"{told}: expected a file with {expected(field)}, {error}"
    return found, problems


def _read(path: Path) -> str:
    """What a file holds, without the end of its line."""
    try:
        with path.open("rb") as file:
            held = file.read(LONGEST_SECRET + 1)
        text = held.decode().strip("\r\n")
    except OSError as error:
        raise ValueError(f"and it can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError("got something else than text") from None
    if not text or len(held) > LONGEST_SECRET:
        raise ValueError("got an empty one" if not text else "got far too much")
    return text


def in_words(
    kind: type[BaseSettings], error: ValidationError, told_already: Mapping[str, str]
) -> list[str]:
    """A line for each setting that is wrong, in the order of their names."""
    lines = dict(told_already)
    for problem in error.errors(include_url=False):
        name = str(problem["loc"][0])
        lines.setdefault(name, f"{variable(name)}: {_problem(kind, name, problem)}")
    return [lines[name] for name in sorted(lines)]


def _problem(kind: type[BaseSettings], name: str, problem: ErrorDetails) -> str:
    wanted = expected(kind.model_fields[name])
    if problem["type"] == "value_error":
        said = str(problem["ctx"]["error"])
        return said if said.startswith("expected") else f"expected {wanted}: {said}"
    return f"expected {wanted}, got {got(problem['type'], problem['input'])}"


def strangers(kind: type[BaseSettings], environ: Mapping[str, str]) -> list[str]:
    """A line for each variable that looks like one of ours and that nothing of Careline reads."""
    own = {variable(name) for name in kind.model_fields}
    fields = kind.model_fields.items()
    own |= {variable(name) + FROM_FILE for name, field in fields if Kind.of(field).is_secret}
    known = own | set(KNOWN.read_text(encoding="utf-8").split())
    return [
        _stranger(name, own, known)
        for name in sorted(environ)
        if name.startswith(PREFIX) and name not in known and not _is_link(name, environ[name])
    ]


def _is_link(name: str, value: str) -> bool:
    return bool(_CLUSTER_LINK.search(name)) or value.startswith(("tcp://", "udp://"))


def _stranger(name: str, own: set[str], known: set[str]) -> str:
    """What this service reads is likelier to be meant than what others do."""
    near = get_close_matches(name, sorted(own), n=1, cutoff=0.8)
    near = near or get_close_matches(name, sorted(known), n=1, cutoff=0.8)
    hint = f"; was {near[0]} meant?" if near else ""
    return f"{name}: nothing of Careline reads it, and it is passed over{hint}"
