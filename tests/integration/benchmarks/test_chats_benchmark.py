"""The benchmark of chats runs on real servers; how fast is not judged here."""

import pytest

from benchmarks import chats
from tests.support.stack import Stack

pytestmark = [
    pytest.mark.timeout(300),  # the waits of a whole process, more than one after another
    pytest.mark.long,
]


def test_messages_are_followed_to_their_readers(stack: Stack) -> None:
    """Each message arrives once and in order, or there would be no figures at all."""
    found = {figure.name: figure for figure in chats.figures(stack, chats.QUICK)}
    half = found["from sending to the reader, half of them"]
    most = found["from sending to the reader, 99 in 100"]
    slowest = found["from sending to the reader, the slowest"]
    assert 0 < half.value <= most.value <= slowest.value
    assert most.at_most == chats.MARK
    assert half.beside == most.beside == chats.BARE
    assert found["memory before"].value > 0
