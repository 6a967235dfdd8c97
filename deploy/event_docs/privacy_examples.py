"""Examples of what is said of a person's keys, and of a person who is forgotten."""

from datetime import datetime, timedelta
from uuid import UUID

from deploy.event_docs.example_keys import key_for, key_made
from shared import privacy
from shared.envelope import NAMESPACE, Cause, derive_id

INTAKE, MESSAGING, NOTIFIER = "/services/intake", "/services/messaging", "/services/notifier"
ADMIN = "admin-1"
AFTER = timedelta(days=60)
TAKEN_AWAY = {"deliveries": 3, "addresses that mail came back from": 1}


def made(person: str, at: datetime) -> privacy.KeyMade:
    """Who asks for help for the first time gets a key, before anything of theirs is said."""
    return key_made(person, source=INTAKE, time=at)


def erasure_requested(person: str, asked: datetime) -> privacy.ErasureRequested:
    """They ask to be forgotten."""
    data = privacy.ErasureRequestedData(
        erasure=_erasure(person), persons=(person,), keys=(key_for(person).id,), by=ADMIN
    )
    cause = Cause(_erasure(person), person)
    return privacy.ErasureRequested.say(data, cause=cause, source=MESSAGING, time=asked + AFTER)


def erased(requested: privacy.ErasureRequested) -> privacy.PersonErased:
    """And notifier has taken away what it kept of them."""
    data = privacy.PersonErasedData(
        erasure=requested.data.erasure,
        service="notifier",
        removed=tuple(
            privacy.Removed(what=what, count=count) for what, count in TAKEN_AWAY.items()
        ),
    )
    return privacy.PersonErased.say(
        data,
        cause=requested.as_cause,
        source=NOTIFIER,
        time=requested.time + timedelta(seconds=0.4),
        part="notifier",
    )


def _erasure(person: str) -> UUID:
    return derive_id(NAMESPACE, "erasure", person, "example-6")
