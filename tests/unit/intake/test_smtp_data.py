"""A mail on its way in: how much memory it may take, and how slowly it may come."""

import asyncio

from services.intake.smtp.data import CHUNK_BYTES, NotTaken, receive
from services.intake.smtp.places import Places
from tests.support.waiting import until

MOST_BYTES = 1000
HOST, OTHER = "192.0.2.1", "198.51.100.1"
END = b"\r\n.\r\n"


def places(most_bytes: int = 8000) -> Places:
    """So much memory for all mails together."""
    return Places("smtp", most=10, most_per_host=10, most_bytes=most_bytes)


def coming(*chunks: bytes) -> asyncio.StreamReader:
    """A line on which these bytes have come, and no more do."""
    reader = asyncio.StreamReader(CHUNK_BYTES)
    for chunk in chunks:
        reader.feed_data(chunk)
    return reader


async def received(
    reader: asyncio.StreamReader,
    room: Places,
    *,
    host: str = HOST,
    most_bytes: int = MOST_BYTES,
    patience: float = 60,
    pace: float = 1024,
) -> bytearray | NotTaken:
    """What becomes of a mail; its memory is given back only by whoever gives it up."""
    return await receive(
        reader,
        room.memory(host, most_bytes=most_bytes),
        most_bytes=most_bytes,
        seconds=60,
        progress=lambda: None,
        patience=patience,
        pace=pace,
    )


def test_one_host_takes_a_quarter_of_the_memory() -> None:
    """However many mails it begins: the others' share is left to them."""
    room = places()
    mine = [room.memory(HOST, most_bytes=MOST_BYTES) for _ in range(12)]
    assert sum(memory.take(1000) for memory in mine) == 2
    assert room.memory(OTHER, most_bytes=MOST_BYTES).take(1000)
    mine[0].give_back()
    assert mine[2].take(1000)


def test_however_small_the_shares_are_one_mail_fits_in() -> None:
    """Little memory must not mean that no large mail is ever taken."""
    room = places(most_bytes=2000)
    assert room.memory(HOST, most_bytes=1500).take(1500)
    assert not room.memory(OTHER, most_bytes=1500).take(1500)


def test_our_own_mail_servers_have_no_share() -> None:
    """Through them the mail of everybody comes."""
    room = places()
    assert room.memory(None, most_bytes=MOST_BYTES).take(8000)
    assert not room.memory(None, most_bytes=MOST_BYTES).take(1)


async def test_a_mail_that_is_given_up_gives_its_memory_back_at_once() -> None:
    """Not at its end, which whoever wants to take up memory never sends."""
    room = places(most_bytes=8 * CHUNK_BYTES)
    reader = coming(b"x" * (CHUNK_BYTES + 100))
    taking = asyncio.create_task(received(reader, room, most_bytes=2 * CHUNK_BYTES))

    async def is_held() -> bool:
        return room.held > 0

    async def is_given_back() -> bool:
        return room.held == 0

    await until(is_held, what="some of it has come")
    reader.feed_data(b"x" * (CHUNK_BYTES + 1000))
    await until(is_given_back, what="it is given up")
    assert not taking.done()
    reader.feed_data(END)
    assert await taking is NotTaken.LARGE


async def test_a_mail_for_which_there_is_no_memory_is_put_off() -> None:
    """What it had is others' again."""
    room = places(most_bytes=CHUNK_BYTES // 2)
    reader = coming(b"x" * 600 + END)
    room.hold(CHUNK_BYTES // 2, OTHER)
    assert await received(reader, room) is NotTaken.MEMORY
    assert room.held_for(HOST) == 0


async def test_a_mail_that_trickles_is_given_up() -> None:
    """Long before the time that a mail may take: it holds memory and a connection."""
    reader = coming(b"x" * 10)
    assert await received(reader, places(), patience=0.01, pace=1e9) is NotTaken.SLOW


async def test_a_mail_that_comes_fast_enough_is_taken() -> None:
    """Its pace counts on the whole, and by what has come."""
    reader = coming(b"x" * 10 + END)
    mail = await received(reader, places())
    assert mail == bytearray(b"\r\n" + b"x" * 10 + b"\r\n")
