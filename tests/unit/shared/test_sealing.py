"""What is personal can be read with its key and not without, wherever a copy of it lies."""

import json
from uuid import UUID

import pytest

from shared import events
from shared.envelope import STAFF
from shared.sealing import (
    KEY_BYTES,
    PersonKey,
    SealError,
    StreamSecret,
    key_of,
    make_key,
    person_of,
    seal,
    unseal,
    without_private,
)
from tests.support.samples import REQUESTER, bare, full

KEY = make_key(REQUESTER, bytes(range(KEY_BYTES)))
OTHER = make_key(REQUESTER, bytes(KEY_BYTES))
THE_SECRET = "a-secret-of-the-tests-that-is-long-enough"
ANOTHER = "another-secret-of-the-tests-that-is-long"
SECRET = StreamSecret([THE_SECRET])
OPEN = events.write(full(events.TicketCreated))
SEALED = seal(OPEN, KEY)


def test_a_sealed_event_opens_with_its_key_alone() -> None:
    """With it the event is what it was; without it, it has no personal part."""
    opened = events.read(SEALED, {KEY.id: KEY})
    assert opened == full(events.TicketCreated)
    closed = events.read(SEALED)
    assert isinstance(closed, events.TicketCreated)
    assert closed.data.private is None
    assert closed.data.account == "an-account"


def test_nothing_of_the_personal_part_can_be_read_in_it() -> None:
    """Neither words nor field names; only whose it is and which key opens it."""
    for word in (b"A Customer", b"customer.example", b"Gr", b"fingerprint", b"attachments"):
        assert word in OPEN
        assert word not in SEALED
    assert json.loads(SEALED)["data"]["private"].keys() == {"person", "key", "sealed"}
    assert (person_of(OPEN), key_of(OPEN)) == (REQUESTER, None)
    assert (person_of(SEALED), key_of(SEALED)) == (None, KEY.id)


def test_sealing_again_gives_the_same_bytes() -> None:
    """So that an event that is published twice is one event."""
    assert seal(OPEN, KEY) == SEALED
    assert seal(OPEN, OTHER) != SEALED


@pytest.mark.parametrize("field", ["id", "type", "subject"])
def test_it_opens_in_its_own_event_alone(field: str) -> None:
    """Moved into another event, its key does not open it."""
    record = json.loads(SEALED)
    record[field] = json.loads(events.write(bare(events.TicketStatusChanged)))[field] + "0"
    with pytest.raises(SealError):
        unseal(json.dumps(record).encode(), {KEY.id: KEY})


@pytest.mark.parametrize("at", [0, 7, -1])
def test_what_was_changed_is_refused(at: int) -> None:
    """A byte that is not what was sealed is noticed, and its reason repeats nothing of it."""
    record = json.loads(SEALED)
    text = record["data"]["private"]["sealed"].rstrip("=")
    changed = "A" if text[at] != "A" else "B"
    record["data"]["private"]["sealed"] = text[:at] + changed + text[at:][1:] + "=="
    with pytest.raises(events.UnreadableError) as refused:
        events.read(json.dumps(record).encode(), {KEY.id: KEY})
    assert str(refused.value) == "data.private: is not what its key sealed"


@pytest.mark.parametrize(
    "private",
    [{"sealed": "x"}, {"sealed": 1, "key": str(KEY.id), "person": "p"}, {"sealed": "", "key": "x"}],
)
def test_half_a_seal_is_refused_with_its_reason(private: dict[str, object]) -> None:
    """A personal part that is neither open nor sealed as it must be makes a dead letter."""
    record = json.loads(SEALED)
    record["data"]["private"] = private
    with pytest.raises(events.UnreadableError, match=r"^data\.private: is neither"):
        events.read(json.dumps(record).encode())


def test_an_event_without_a_personal_part_stays_as_it_is() -> None:
    """There is nothing to seal, to open or to take away."""
    value = events.write(bare(events.TicketStatusChanged))
    assert seal(value, KEY) == unseal(value, {KEY.id: KEY}) == value
    assert (person_of(value), key_of(value)) == (None, None)


def test_the_word_private_in_other_places_is_no_personal_part() -> None:
    """Tags, or whatever the organisation calls its plans."""
    event = bare(events.TicketCreated)
    named = event.model_copy(
        update={"data": event.data.model_copy(update={"queue": '{"private":{"sealed":1}}'})}
    )
    value = events.write(named)
    assert person_of(value) is None
    assert events.read(value) == named


def test_a_personal_part_can_be_taken_out() -> None:
    """The rest of the event stays."""
    left = events.read(without_private(OPEN))
    assert isinstance(left, events.TicketCreated)
    assert left.data.private is None
    assert left.id == full(events.TicketCreated).id


def test_keys_are_unwrapped_by_the_secret_that_wrapped_them() -> None:
    """And by a new one that stands before it; not by another, and for nobody else."""
    wrapped = SECRET.wrap(KEY)
    assert KEY.secret not in wrapped
    both = StreamSecret([ANOTHER, THE_SECRET])
    assert both.unwrap(KEY.id, REQUESTER, wrapped) == KEY
    for secret, id_, person in (
        (StreamSecret([ANOTHER]), KEY.id, REQUESTER),
        (SECRET, OTHER.id, REQUESTER),
        (SECRET, KEY.id, STAFF),
    ):
        with pytest.raises(SealError, match="unwrap"):
            secret.unwrap(id_, person, wrapped)


def test_a_keys_id_follows_from_it() -> None:
    """The same key has one id, other keys others."""
    assert make_key("somebody else", KEY.secret).id == KEY.id
    assert isinstance(OTHER, PersonKey)
    assert isinstance(OTHER.id, UUID)
    assert OTHER.id != KEY.id


def test_a_short_secret_or_key_is_refused() -> None:
    """A secret has 32 characters or more, a key 64 bytes."""
    with pytest.raises(ValueError, match="at least 32"):
        StreamSecret(["short"])
    with pytest.raises(ValueError, match="64 bytes"):
        make_key(REQUESTER, b"short")
