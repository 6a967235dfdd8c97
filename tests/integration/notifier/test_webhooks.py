"""The HTTP channel against real servers that answer as they should, and as they shouldn't."""

import asyncio
import base64
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from services.notifier import posts
from services.notifier.channels.http import Dialect, HttpChannel
from services.notifier.channels.pagerduty import PagerDutyDialect
from services.notifier.channels.slack import SlackDialect
from services.notifier.channels.webhook import WebhookDialect, read_secret
from services.notifier.deliveries import About, Accepted, Answer, Delivery, Lost, Refused
from services.notifier.letters.brand import Brand
from services.notifier.letters.desk import Desk
from shared.notifications import NotificationChannel
from tests.support import alerts, said
from tests.support.certificates import make_certificate
from tests.support.peers import listening
from tests.support.webhooks import Hook, Reply, running_hook

LONG = timedelta(seconds=20)
SHORT = timedelta(seconds=1)
KEY = "0123456789abcdef0123456789abcdef"
SECRET, OLD_SECRET, OTHER = (
    f"whsec_{base64.b64encode(bytes([byte]) * 32).decode()}" for byte in (1, 2, 3)
)
DESK = Desk(
    brand=Brand(), sender="support@careline.example", messaging_center="https://care.example"
)


@pytest.fixture
def hook() -> Iterator[Hook]:
    """A server that says `ok` to everything."""
    with running_hook() as made:
        yield made


def slack(hook: Hook, path: str = "/") -> SlackDialect:
    """A chat."""
    return SlackDialect(hook.url(path))


def pager(hook: Hook) -> PagerDutyDialect:
    """A pager."""
    return PagerDutyDialect(KEY, hook.url())


def webhook(hook: Hook, *secrets: str) -> WebhookDialect:
    """A webhook of the organisation's own."""
    return WebhookDialect(hook.url(), tuple(map(read_secret, secrets or (SECRET,))))


def opened(
    dialect: Dialect, *, within: timedelta = LONG, allow_private: bool = True
) -> HttpChannel:
    """The channel to a destination."""
    return HttpChannel(
        dialect, clock=said.now, connections=4, within=within, allow_private=allow_private
    )


def alert(dialect: Dialect) -> Delivery:
    """What is sent."""
    kinds = {
        SlackDialect: NotificationChannel.SLACK,
        PagerDutyDialect: NotificationChannel.PAGERDUTY,
        WebhookDialect: NotificationChannel.WEBHOOK,
    }
    return alerts.breach_alert(channel=kinds[type(dialect)])


async def send(dialect: Dialect, *, within: timedelta = LONG, allow_private: bool = True) -> Answer:
    """What becomes of an alert."""
    channel = opened(dialect, within=within, allow_private=allow_private)
    delivery = alert(dialect)
    try:
        return await channel.send(delivery, posts.compose(delivery, About(), desk=DESK))
    finally:
        await channel.close()


async def test_a_signature_holds_for_those_who_check_by_the_standard(hook: Hook) -> None:
    """The standard's own library takes it, with its id and its time, and no other secret does."""
    assert await send(webhook(hook)) == Accepted(200)
    (post,) = hook.posts
    assert Webhook(SECRET).verify(post.body, dict(post.headers))["type"] == "deadline.breached"
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify(post.body, dict(post.headers))
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(post.body + b" ", dict(post.headers))


async def test_while_a_secret_changes_both_hold(hook: Hook) -> None:
    """Each receiver checks with the one that it has."""
    await send(webhook(hook, SECRET, OLD_SECRET))
    (post,) = hook.posts
    for secret in (SECRET, OLD_SECRET):
        Webhook(secret).verify(post.body, dict(post.headers))


async def test_a_repeat_is_known_by_its_id(hook: Hook) -> None:
    """The same delivery has the same webhook-id and body at every try."""
    dialect, channel = webhook(hook), opened(webhook(hook))
    delivery = alert(dialect)
    for _ in range(2):
        await channel.send(delivery, posts.compose(delivery, About(), desk=DESK))
    await channel.close()
    first, second = hook.posts
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == str(delivery.id)
    assert first.body == second.body


async def test_a_pager_s_key_stands_in_what_is_posted_and_nowhere_else(hook: Hook) -> None:
    """What is kept for operators has no key; neither has what an answer repeats of it."""
    hook.default = Reply(400, body=f'{{"message": "invalid routing key {KEY}"}}'.encode())
    answer = await send(pager(hook))
    assert isinstance(answer, Refused)
    assert answer.for_good
    assert KEY not in answer.detail
    assert "invalid routing key [secret]" in answer.detail
    (post,) = hook.posts
    assert post.json["routing_key"] == KEY
    kept = posts.compose(alert(pager(hook)), About(), desk=DESK)
    assert KEY.encode() not in kept.body
    assert KEY not in repr(pager(hook))


async def test_a_pager_says_yes_with_202(hook: Hook) -> None:
    """It has queued the event."""
    hook.default = Reply(202, body=b'{"status": "success"}')
    assert await send(pager(hook)) == Accepted(202)


@pytest.mark.parametrize(
    ("body", "taken"),
    [
        (b"ok", True),
        (b"", True),
        (b'{"success": true}', True),
        (b"1", True),
        (b"<html>Sign in</html>", False),
        (b"no_service", False),
        (b"invalid_token", False),
        (b"channel_is_archived", False),
        (b'{"ok": false, "error": "x"}', False),
    ],
)
async def test_a_chat_s_yes_is_any_but_what_is_known_to_be_none(
    hook: Hook, body: bytes, *, taken: bool
) -> None:
    """Under 2xx nothing is lost for good: what is wrong with a chat, its owner may mend."""
    hook.default = Reply(200, body=body)
    words = body.decode()
    no = Refused(200, f"200: {words}", for_good=False)
    assert await send(slack(hook)) == (Accepted(200) if taken else no)


@pytest.mark.parametrize(
    ("status", "to_webhook", "to_others"),
    [
        (301, False, False),
        (307, False, False),
        (400, False, True),
        (401, False, True),
        (403, False, True),
        (404, True, True),
        (408, False, False),
        (410, True, True),
        (413, False, True),
        (422, False, True),
        (425, False, False),
        (429, False, False),
        (500, False, False),
        (503, False, False),
    ],
)
async def test_which_refusals_are_for_good(
    hook: Hook, status: int, *, to_webhook: bool, to_others: bool
) -> None:
    """Gone and not found are; of a chat or pager also what says that the post itself is wrong."""
    hook.default = Reply(status, body=b"no")
    expected = {"webhook": to_webhook, "slack": to_others, "pager": to_others}
    dialects: dict[str, Dialect] = {
        "webhook": webhook(hook),
        "slack": slack(hook),
        "pager": pager(hook),
    }
    for name, dialect in dialects.items():
        answer = await send(dialect)
        assert answer == Refused(status, f"{status}: no", for_good=expected[name]), name


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(hook: Hook, status: int) -> None:
    """Where a destination is, its operator says: nobody is asked elsewhere."""
    hook.default = Reply(status, {"location": hook.url("/elsewhere")}, b"")
    answer = await send(webhook(hook))
    assert answer == Refused(status, f"{status}", for_good=False)
    assert [post.path for post in hook.posts] == ["/"]


@pytest.mark.parametrize(
    ("written", "pause"),
    [
        ("120", timedelta(seconds=120)),
        ("0", timedelta(0)),
        ("99999999999999999999", timedelta(days=1)),
        ("soon", None),
        ("-5", None),
        ("1e9", None),
        ("", None),
        ("Mon, 01 Jan 2001 00:00:00 GMT", None),
        ("Mon, 99 Foo 2001", None),
    ],
)
async def test_how_long_the_other_side_asks_us_to_wait(
    hook: Hook, written: str, pause: timedelta | None
) -> None:
    """In seconds; what can't be read, or is over, counts for nothing."""
    hook.default = Reply(429, {"retry-after": written}, b"slowly")
    answer = await send(webhook(hook))
    assert answer == Refused(429, "429: slowly", for_good=False, retry_after=pause)


async def test_a_date_to_wait_until_counts_from_now(hook: Hook) -> None:
    """As RFC 9110 writes it."""
    until = datetime.now(UTC) + timedelta(minutes=10)  # noqa: TID251 - the channel's clock is real
    hook.default = Reply(503, {"retry-after": format_datetime(until, usegmt=True)}, b"")
    answer = await send(webhook(hook))
    assert isinstance(answer, Refused)
    assert answer.retry_after is not None
    assert timedelta(minutes=9) < answer.retry_after <= timedelta(minutes=10)


async def test_a_server_that_hangs_is_left_when_its_time_is_over(hook: Hook) -> None:
    """It may have taken the post: a later copy is known as possible."""
    hook.default = Reply(hang=True)
    assert await send(webhook(hook), within=SHORT) == Lost(after_data=True)


async def test_a_server_that_hangs_up_may_have_taken_it(hook: Hook) -> None:
    """Closed without an answer."""
    hook.default = Reply(close=True)
    assert await send(webhook(hook)) == Lost(after_data=True)


async def test_where_nobody_listens_nothing_was_taken() -> None:
    """The connection was refused."""
    with running_hook() as hook:
        pass
    assert await send(webhook(hook)) == Lost(after_data=False)


async def test_a_server_that_never_begins_tls_has_taken_nothing() -> None:
    """Hangs in the handshake: no byte of the post went out."""

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with listening(silent) as port:
        dialect = SlackDialect(f"https://127.0.0.1:{port}/")
        assert await send(dialect, within=SHORT) == Lost(after_data=False)


async def test_an_answer_s_status_counts_though_its_body_never_comes(
    hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """202 was said: what follows changes nothing."""
    monkeypatch.setattr("services.notifier.channels.http.ANSWER_WITHIN", 0.2)
    hook.default = Reply(202, drip=True)
    assert await send(webhook(hook)) == Accepted(202)


async def test_an_endless_answer_is_cut(hook: Hook) -> None:
    """8 KiB are read, 500 characters are kept."""
    hook.default = Reply(500, body=b"x" * 50_000_000)
    answer = await send(webhook(hook))
    assert isinstance(answer, Refused)
    assert answer.detail == "500: " + "x" * 500


async def test_what_no_event_can_carry_is_not_kept_of_an_answer(hook: Hook) -> None:
    """No NUL, no control characters, no broken UTF-8."""
    hook.default = Reply(500, body=b"a\x00b\x1b[31m\xff\xfe\xed\xa0\x80")
    answer = await send(webhook(hook))
    assert isinstance(answer, Refused)
    assert answer.detail.isprintable()
    assert answer.detail.startswith("500: a?b?[31m")


async def test_connections_are_kept_for_the_next_post(hook: Hook) -> None:
    """Three posts one after another come over one connection."""
    channel, delivery = opened(webhook(hook)), alert(webhook(hook))
    for _ in range(3):
        await channel.send(delivery, posts.compose(delivery, About(), desk=DESK))
    await channel.close()
    assert len({post.peer for post in hook.posts}) == 1


async def test_inside_our_own_network_nothing_is_posted(hook: Hook) -> None:
    """Unless the destination says so; it is tried again, since name servers give odd answers."""
    answer = await send(webhook(hook), allow_private=False)
    assert isinstance(answer, Refused)
    assert (answer.code, answer.for_good) == (None, False)
    assert "not public" in answer.detail
    assert hook.posts == []


async def test_proxies_of_the_environment_are_not_used(
    hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would connect to whatever the name resolves to there."""
    with running_hook() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url())
        assert await send(webhook(hook)) == Accepted(200)
    assert (len(hook.posts), proxy.posts) == (1, [])


@pytest.mark.parametrize(("host", "taken"), [("localhost", True), ("127.0.0.1", False)])
async def test_the_certificate_is_that_of_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, *, taken: bool
) -> None:
    """Though it is the resolved address that is connected to."""
    chain, key = make_certificate(tmp_path, by_address=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(chain))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(chain, key)
    with running_hook(tls) as hook:
        answer = await send(SlackDialect(f"https://{host}:{hook.port}/"))
    assert answer == (Accepted(200) if taken else Lost(after_data=False))
    assert len(hook.posts) == taken
    if isinstance(answer, Lost):
        assert "certificate" in (answer.detail or "")
