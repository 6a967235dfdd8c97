"""Files of mails over a real database: parts before, after and between what they belong to."""

import hashlib
from uuid import UUID

import pytest

from services.messaging import store, writing
from services.messaging.files import FileState
from shared.database import Database
from shared.messages import AttachmentReceived, MessagePosted, Visibility
from tests.support import said, said_mails
from tests.support.inbox import content, count, hear, shown

CREATED = said.ticket_created(account="an-account")
TICKET = UUID(CREATED.subject)
CONTENT = bytes(range(256)) * 5
FILE = said_mails.attachment(CREATED, CONTENT)
PARTS = said_mails.attachment_parts(CREATED, FILE, CONTENT, size=300)
MAIL = said_mails.message_received(CREATED, attachments=(FILE,))


async def test_a_file_is_whole_once_all_its_parts_are_here(database: Database) -> None:
    """Whatever their order; what is said of the message names it before that."""
    await hear(database, CREATED, MAIL)
    for part in reversed(PARTS):
        assert await _state(database) is FileState.INCOMING
        await hear(database, part, part)
    assert await _state(database) is FileState.COMPLETE
    assert await content(database, FILE.id) == CONTENT
    (posted,) = (await shown(database, TICKET)).said
    assert isinstance(posted, MessagePosted)
    assert posted.data.private is not None
    assert posted.data.private.attachments == (FILE,)


async def test_parts_may_be_here_before_message_and_ticket(database: Database) -> None:
    """Topics are read independently of one another."""
    await hear(database, *PARTS)
    await hear(database, MAIL)
    await hear(database, CREATED)
    assert await _state(database) is FileState.COMPLETE


async def test_files_come_with_the_first_message_too(database: Database) -> None:
    """A ticket by mail has what hangs on it."""
    created = said_mails.ticket_by_mail(CREATED, attachments=(FILE,))
    await hear(database, *PARTS[1:])
    await hear(database, created, PARTS[0])
    found = await shown(database, TICKET)
    ((message, (file,)),) = found.files.items()
    assert message == found.messages[0].id
    assert (file.name, file.content_type, file.state) == (
        "report.csv",
        "text/csv",
        FileState.COMPLETE,
    )


async def test_a_file_that_is_not_what_was_sent_is_marked_so(database: Database) -> None:
    """All parts are there, and their hash is another one; nothing mends that."""
    other = said_mails.attachment_parts(CREATED, FILE, CONTENT[::-1], size=300)
    await hear(database, CREATED, MAIL, *other)
    assert await _state(database) is FileState.BROKEN
    await hear(database, *PARTS)
    assert await _state(database) is FileState.BROKEN


async def test_a_file_that_is_whole_stays_as_it_is(database: Database) -> None:
    """Parts that come again with other content, by another mail of one id, are passed over."""
    await hear(database, CREATED, MAIL, *PARTS)
    await hear(database, *said_mails.attachment_parts(CREATED, FILE, CONTENT[::-1], size=300))
    assert await _state(database) is FileState.COMPLETE
    assert await content(database, FILE.id) == CONTENT


async def test_parts_of_another_division_are_passed_over(database: Database) -> None:
    """They never belong to the same file: neither while it comes in, nor once it is whole."""
    coarse = said_mails.attachment_parts(CREATED, FILE, CONTENT, size=600)
    fine = said_mails.attachment_parts(CREATED, FILE, CONTENT, size=100)
    await hear(database, CREATED, MAIL, PARTS[0], *coarse, *fine, *PARTS[1:])
    assert await _state(database) is FileState.COMPLETE
    await hear(database, *fine)
    assert await content(database, FILE.id) == CONTENT


async def test_a_file_of_another_length_is_broken_though_its_hash_may_fit(
    database: Database,
) -> None:
    """What the API says of its length must be what comes."""
    wrong = FILE.model_copy(update={"size_bytes": FILE.size_bytes + 1})
    mail = said_mails.message_received(CREATED, attachments=(wrong,))
    await hear(database, CREATED, mail, *PARTS)
    assert await _state(database) is FileState.BROKEN


@pytest.mark.parametrize("with_part", [True, False])
async def test_an_empty_file_is_whole_with_or_without_a_part(
    database: Database, *, with_part: bool
) -> None:
    """Nothing is all there is of it."""
    empty = said_mails.attachment(CREATED, b"")
    mail = said_mails.message_received(CREATED, attachments=(empty,))
    parts = said_mails.attachment_parts(CREATED, empty, b"") if with_part else []
    await hear(database, *parts, CREATED, mail)
    assert await _state(database) is FileState.COMPLETE


async def test_a_part_without_content_is_passed_over(database: Database) -> None:
    """Its personal part was taken away: the file stays incomplete, and nothing fails."""
    bare = PARTS[0].model_copy(update={"data": PARTS[0].data.model_copy(update={"private": None})})
    await hear(database, CREATED, MAIL, bare, *PARTS[1:])
    assert await _state(database) is FileState.INCOMING


@pytest.mark.parametrize("part", ["no base 64", "YWJj YWJj"])
async def test_what_is_no_base_64_is_refused(database: Database, part: str) -> None:
    """It becomes a dead letter, instead of a file that is not what was sent."""
    with pytest.raises(ValueError, match=r"base64|padding|Only"):
        await hear(database, _with_content(PARTS[0], part))
    assert await count(database, "attachment_parts") == 0


async def test_a_file_of_a_note_is_for_agents_alone(database: Database) -> None:
    """As the note itself; and no ticket shows what belongs to another."""
    await hear(database, CREATED)
    async with database.transaction() as connection:
        thread = await store.lock_thread(connection, TICKET)
        assert thread is not None
        by = said.actor(said.AGENT, thread)
        note = writing.write(thread, by, "Look.", Visibility.NOTE, id_=UUID(int=1), now=said.now())
        await store.append_message(connection, note)
        await store.add_attachments(connection, TICKET, note.id, [FILE])
        seen = [
            await store.read_attachment(connection, ticket, FILE.id, notes=notes)
            for ticket, notes in ((TICKET, True), (TICKET, False), (UUID(int=2), True))
        ]
    assert [file is not None for file in seen] == [True, False, False]


async def test_large_files_are_kept_in_parts_and_come_out_as_they_were(database: Database) -> None:
    """Three parts of half a MiB, in two batches."""
    large = hashlib.shake_256(b"what nobody can pack").digest(1_300_000)
    file = said_mails.attachment(CREATED, large)
    parts = said_mails.attachment_parts(CREATED, file, large)
    assert len(parts) == 3
    await hear(database, parts[2], CREATED)
    mail = said_mails.message_received(CREATED, attachments=(file,))
    await hear(database, mail, parts[0], parts[1])
    assert await _state(database) is FileState.COMPLETE
    assert await content(database, file.id) == large


def _with_content(part: AttachmentReceived, text: str) -> AttachmentReceived:
    assert part.data.private is not None
    private = part.data.private.model_copy(update={"content": text})
    return part.model_copy(update={"data": part.data.model_copy(update={"private": private})})


async def _state(database: Database) -> FileState:
    """Of the one file of this ticket."""
    ((file,),) = (await shown(database, TICKET)).files.values()
    return file.state
