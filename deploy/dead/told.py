"""Dead letters on a terminal. What others wrote goes through `plain`: it can't steer a terminal."""

from datetime import datetime

from deploy.local.screen import Screen
from shared.dead_record import Letter
from shared.dead_shown import plain, shown_key, shown_lines
from shared.publisher import Outgoing

LONGEST = 20_000
"""Characters of a value that are shown; `--json` has all of it."""


def line(letter: Letter, screen: Screen) -> None:
    """A letter in two lines."""
    screen.say_styled(
        (f"{letter.service} {letter.offset}", "bold"),
        (f"  {_state(letter)}", "" if letter.replayed else "yellow"),
        (f"  buried {_time(letter.buried_at)}  tries {letter.tries}", ""),
        (f"  from {_origin(letter)}  key {shown_key(letter.key)}", ""),
    )
    screen.say(f"    {plain(letter.reason)}")


def sum_up(waiting: int, replayed: int, screen: Screen) -> None:
    """How many there are."""
    if not waiting + replayed:
        screen.say("No dead letters.", "green")
        return
    screen.say()
    screen.say(f"{waiting + replayed:,} dead letters: {waiting:,} waiting, {replayed:,} replayed.")


def whole(letter: Letter, screen: Screen) -> None:
    """Everything that is known of a letter."""
    facts = {
        "letter": f"{letter.service} {letter.offset}",
        "state": _state(letter),
        "reason": plain(letter.reason),
        "from": _origin(letter),
        "buried": _time(letter.buried_at),
        "tries": str(letter.tries),
        "earlier": plain(letter.earlier) if letter.earlier else "none: it came for the first time",
        "key": shown_key(letter.key),
    }
    for name, value in facts.items():
        screen.say_styled((f"{name:<9}", "bold"), (value, ""))
    screen.say("headers", "bold")
    for name, raw in letter.headers:
        screen.say(f"  {plain(name)}: {plain(raw.decode('utf-8', 'backslashreplace'))}")
    if letter.stack:
        screen.say("stack", "bold")
        for frame in letter.stack.splitlines():
            screen.say(f"  {plain(frame)}")
    screen.say(f"value, {letter.size:,} bytes", "bold")
    if letter.left_out:
        screen.say("  (left out, since it is too large: it stands where it came from)")
        return
    for each in shown_lines(letter.value, most=LONGEST):
        screen.say(f"  {each}")


def put_back(letter: Letter, outgoing: Outgoing, *, dry: bool) -> str:
    """One sentence of what was put back."""
    did = "Would put back" if dry else "Put back"
    return (
        f"{did} {letter.service} {letter.offset} on {outgoing.topic}, "
        f"key {shown_key(outgoing.key)}, for {letter.service} alone."
    )


def refused(letter: Letter, why: str) -> str:
    """One sentence of why it was not."""
    return f"Not put back: {letter.service} {letter.offset}. {plain(why)}"


def already(letter: Letter) -> str:
    """One sentence of when it was."""
    return f"{letter.service} {letter.offset} is {_state(letter)} already; --again does it again."


def became(done: int, refused_: int, already_: int, screen: Screen, *, dry: bool) -> None:
    """What became of all of them."""
    did = "would be put back" if dry else "put back"
    screen.say(f"{done:,} {did}, {refused_:,} refused, {already_:,} replayed already.")


def _state(letter: Letter) -> str:
    if letter.replayed is None:
        return "waiting"
    return f"replayed {_time(letter.replayed.at)} by {plain(letter.replayed.by)}"


def _origin(letter: Letter) -> str:
    return "unknown" if letter.origin is None else plain(str(letter.origin))


def _time(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%SZ}"
