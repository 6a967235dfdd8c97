"""The desk's secrets: random, made once, kept in its folder where nobody else can read them.

`keys/secrets.json` has the key that signs tokens, the passwords of the databases and the secrets
that requesters' ids, reply addresses and passes to the request form are made with;
`keys/jwks.json` has what the services check tokens with.
"""

import json
import os
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from deploy.local.errors import DeskError
from shared.identity import Role

ISSUER = AUDIENCE = "careline"
ALGORITHM = "ES256"
SECRETS, KEY_SET = "secrets.json", "jwks.json"
SECRET_BYTES = 32


@dataclass(frozen=True)
class Keys:
    """What a desk must keep to itself."""

    folder: Path
    signing: ECKey
    pseudonym_secret: str
    mail_secret: str
    pass_secret: str
    stream_secret: str
    passwords: Mapping[str, str]
    """Per service that has a database."""

    @property
    def key_set(self) -> Path:
        """The public keys, for CARELINE_JWKS_FILE."""
        return self.folder / KEY_SET

    def mint(
        self, role: Role, account: str | None, subject: str, seconds: int, name: str = ""
    ) -> str:
        """Sign a bearer token that the desk's services take.

        Args:
            role: What its bearer may do.
            account: Whose tickets a customer may see; agents and above see all.
            subject: Stands for the bearer, in threads and events.
            seconds: How long it holds, from now.
            name: What others see of the bearer; the role, if it is not said.
        """
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject,
            "name": name or role.value.capitalize(),
            "roles": [role.value],
            "exp": int(time.time()) + seconds,
        }
        if account is not None:
            claims["account"] = account
        return jwt.encode({"alg": ALGORITHM, "kid": self.signing.kid}, claims, self.signing)


def ensure(home: Path, services: Iterable[str]) -> Keys:
    """Read the secrets of the desk in this folder; make those that are missing.

    Raises:
        DeskError: They are damaged, or lost while what they were made for is still there.
    """
    folder = home / "keys"
    if not (folder / SECRETS).exists() and (home / "postgres").exists():
        raise DeskError(f"{folder / SECRETS} is missing, and the data needs it. {_WAY_OUT}")
    folder.mkdir(mode=0o700, exist_ok=True)
    kept = _read(folder / SECRETS) if (folder / SECRETS).exists() else _fresh()
    passwords = {name: secrets.token_urlsafe(SECRET_BYTES) for name in services}
    kept["passwords"] = passwords | kept["passwords"]
    # A desk of an earlier version has not had all of them.
    for name in ("mail_secret", "pass_secret", "stream_secret"):
        kept.setdefault(name, secrets.token_urlsafe(SECRET_BYTES))
    _write(folder / SECRETS, kept)
    keys = _keys(folder, kept)
    _write(keys.key_set, {"keys": [keys.signing.as_dict(private=False)]})
    return keys


def load(home: Path) -> Keys:
    """Read the secrets of a desk that is there.

    Raises:
        DeskError: They can't be read.
    """
    folder = home / "keys"
    return _keys(folder, _read(folder / SECRETS))


_WAY_OUT = (
    "Put it back as it was, or start afresh with `make clean-data`, which deletes everything the "
    "desk has stored."
)


def _fresh() -> dict[str, Any]:
    signing = ECKey.generate_key("P-256", {"kid": secrets.token_hex(8)})
    return {
        "signing": signing.as_dict(private=True),
        "pseudonym_secret": secrets.token_urlsafe(SECRET_BYTES),
        "mail_secret": secrets.token_urlsafe(SECRET_BYTES),
        "pass_secret": secrets.token_urlsafe(SECRET_BYTES),
        "stream_secret": secrets.token_urlsafe(SECRET_BYTES),
        "passwords": {},
    }


def _keys(folder: Path, kept: Mapping[str, Any]) -> Keys:
    return Keys(
        folder,
        ECKey.import_key(kept["signing"]),
        kept["pseudonym_secret"],
        kept.get("mail_secret", ""),
        kept.get("pass_secret", ""),
        kept.get("stream_secret", ""),
        kept["passwords"],
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        ECKey.import_key(kept["signing"])
        if kept["pseudonym_secret"] and isinstance(kept["passwords"], dict):
            return kept
    except OSError as error:
        raise DeskError(f"Cannot read {path}: {error.strerror}.") from error
    except (ValueError, LookupError, TypeError, JoseError):
        pass
    raise DeskError(f"{path} is damaged. {_WAY_OUT}")


def _write(path: Path, content: Mapping[str, Any]) -> None:
    """Write for this user alone, in one step: a crash leaves the old file or the new one."""
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
