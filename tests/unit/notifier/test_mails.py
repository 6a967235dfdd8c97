"""What mails say, by kind and language."""

from dataclasses import replace

import pytest

from services.notifier import mails
from services.notifier.deliveries import File, Message
from services.notifier.letters import links, samples
from services.notifier.letters.instants import spell_instant, zone
from services.notifier.letters.words import shipped
from shared import plans
from shared.messages import AuthorKind
from tests.support.composed import (
    CATALOGUE,
    DEPLOY,
    DESK,
    GMAIL_CLIPS,
    LANGUAGES,
    NOW,
    PARTS,
    Shown,
    html,
    mail,
    part,
    sample,
)

ACKNOWLEDGED = {
    "en-GB": (
        "Thank you",
        "forwarded to our support team",
        "upgrade at any moment: ask for it in the chat",
        "Project Manager is there for you in business hours, through the portal or the chat",
        "With Platform Care Centurion, on weekends and holidays too",
        "All communication goes through your Messaging Center",
        "You may reply there directly, or simply answer this mail",
        "one conversation thread",
        "documentation",
        "troubleshooting tips",
    ),
    "de-DE": (
        "Vielen Dank",
        "an unser Support-Team weitergeleitet",
        "jederzeit in einen höheren Plan wechseln: Ein Wort im Chat genügt",
        "Project Manager zu den Geschäftszeiten für Sie da, über das Portal oder den Chat",
        "Mit Platform Care Centurion auch an Wochenenden und Feiertagen",
        "läuft über Ihr Messaging Center",
        "Antworten Sie direkt dort oder einfach auf diese E-Mail",
        "in einem einzigen Gesprächsverlauf",
        "Dokumentation",
        "Tipps zur Fehlersuche",
    ),
    "es-ES": (
        "Gracias",
        "remitido a nuestro equipo de soporte",
        "en cualquier momento: solo tiene que pedirlo en el chat",
        "su Project Manager está a su disposición en horario de atención",
        "Con Platform Care Centurion, también los fines de semana y festivos",
        "Toda la comunicación pasa por su Messaging Center",
        "responder directamente allí o simplemente contestar a este correo",
        "un único hilo de conversación",
        "documentación",
        "consejos para resolver problemas",
    ),
}


@pytest.mark.parametrize("kind", PARTS)
@pytest.mark.parametrize("locale", LANGUAGES)
@pytest.mark.parametrize("plan", ["self-service", "basic", "centurion", "unknown"])
def test_every_acknowledgement_says_what_customers_are_promised(
    plan: str, locale: str, kind: str
) -> None:
    """Forwarded; all plans side by side; upgrade; Project Manager; one thread; where to look."""
    found = sample(f"acknowledgement-{plan}", locale)
    text = part(mail(found), kind)
    for words in ACKNOWLEDGED[locale]:
        assert words in text
    for each in CATALOGUE.plans:
        shown = each.in_language(locale)
        assert shown.name in text
        assert shown.service_level in text
    for article in found.delivery.facts["articles"]:
        assert article["title"] in text
    whole = html(mail(found)) if kind == "html" else text
    for link in (
        links.thread_of(found.delivery, DESK),
        DESK.portal,
        DESK.documentation,
        DESK.troubleshooting,
    ):
        assert str(link) in whole


@pytest.mark.parametrize("kind", PARTS)
@pytest.mark.parametrize(
    ("locale", "words"),
    [
        (
            "en-GB",
            (
                "You will have an answer by Tuesday, 24 November 2026, 10:30:00 "
                "(Central European Standard Time)."
            ),
        ),
        (
            "en-US",
            (
                "You will have an answer by Tuesday, November 24, 2026, 10:30:00 AM "
                "(Central European Standard Time)."
            ),
        ),
        (
            "de-AT",
            (
                "Sie erhalten unsere Antwort spätestens am Dienstag, 24. November 2026, 10:30:00 "
                "(Mitteleuropäische Normalzeit)."
            ),
        ),
        (
            "es-MX",
            "Recibirá nuestra respuesta a más tardar el martes, 24 de noviembre de 2026, 10:30:00",
        ),
    ],
)
def test_the_due_time_is_in_the_customers_own_zone_and_locale(
    locale: str, words: str, kind: str
) -> None:
    """09:30 UTC is half past ten in Berlin, written as their region writes it."""
    text = part(mail(sample("acknowledgement-basic", locale)), kind)
    assert words in " ".join(text.split())


@pytest.mark.parametrize("kind", PARTS)
def test_the_plans_promise_in_a_mail_what_they_promise(kind: str) -> None:
    """Every clock, every priority that differs, and the hours that count."""
    shipped_file = (DEPLOY / "plans.toml").read_text(encoding="utf-8")
    target = 'targets.default.first_response = "8h"'
    assert target in shipped_file
    more = 'targets.default.resolution = "40h"\ntargets.urgent.first_response = "2h"'
    richer = plans.parse_catalogue(shipped_file.replace(target, f"{target}\n{more}"), "plans.toml")
    of = sample("acknowledgement-basic")
    text = part(mails.compose(of.delivery, of.about, catalogue=richer, desk=DESK, now=NOW), kind)
    words = "ithin 8 hours of working time (urgent: within 2 hours of working time)"
    assert words in text
    assert "Solution: within 40 hours of working time" in text
    assert "Mon to Fri 09:00 to 17:00 (UTC)" in text


@pytest.mark.parametrize("kind", PARTS)
@pytest.mark.parametrize(
    ("locale", "rules"),
    [
        ("en", "Technical Support Delivery Rules for Self Service Plans (Schedule A of the"),
        ("de", "Regeln für den technischen Support bei Self-Service-Plänen (Anhang A der"),
        ("es", "reglas de prestación de soporte técnico para planes de autoservicio (Anexo A"),
    ],
)
@pytest.mark.parametrize("plan", ["self-service", "unknown"])
def test_without_a_plan_schedule_a_applies(plan: str, locale: str, rules: str, kind: str) -> None:
    """No plan, or none known yet: the self-service rules, with where to read them, and no time."""
    of = mail(sample(f"acknowledgement-{plan}", locale))
    assert rules in part(of, kind)
    assert "https://careline.example/terms" in (html(of) if kind == "html" else part(of, kind))
    assert "10:30:00" not in part(of, kind)


def test_nothing_is_linked_that_is_not_there() -> None:
    """Without addresses of pages the words stay; without articles there is no list of them."""
    bare = mails.Desk(DESK.brand, DESK.sender, DESK.messaging_center)
    of = sample("acknowledgement-self-service")
    of = replace(of, delivery=replace(of.delivery, facts={}))
    shown = Shown(html(mail(of, bare)))
    assert set(shown.links) == {f"https://desk.careline.example/center/{of.delivery.ticket}"}
    assert "These pages may answer" not in "".join(shown.words)
    assert "simply answer this mail" not in part(mail(of, bare), "plain")


def test_no_word_of_the_requester_stands_in_an_acknowledgement() -> None:
    """The address is not verified: what a stranger wrote is not mailed to whom they named."""
    of = sample("acknowledgement-basic")
    about = replace(of.about, ticket=replace(of.about.ticket, name="BUY PILLS"))
    words = Message(
        of.delivery.id, of.delivery.id, 1, AuthorKind.CUSTOMER, "BUY PILLS", "Buy pills", NOW
    )
    about = replace(about, messages=(), earlier=(words,))
    assert "pills" not in mail(replace(of, about=about)).as_string().lower()


@pytest.mark.parametrize("kind", PARTS)
@pytest.mark.parametrize("locale", LANGUAGES)
def test_a_reply_has_the_agents_words_and_what_was_said_before(locale: str, kind: str) -> None:
    """Who wrote what, the way back, and the last three messages, shortened."""
    of = sample("reply", locale)
    text = part(mail(of), kind)
    assert "The report leaves out rows without a date" in text
    assert "An Agent" in text
    assert "Could you send us the file that came out empty?" in text
    assert text.count("It has no rows.") == 11
    assert "Kind regards" in text
    shortened = {"en-GB": "Shortened;", "de-DE": "Gekürzt;", "es-ES": "Texto abreviado;"}
    assert text.count(shortened[locale]) == 1


@pytest.mark.parametrize("kind", PARTS)
def test_an_unverified_address_is_not_mailed_what_it_is_said_to_have_written(kind: str) -> None:
    """Agents' earlier words are quoted; a customer's and a machine's are not."""
    of = sample("reply")
    machine = replace(of.about.earlier[0], author_kind=AuthorKind.SYSTEM, text="I am away")
    about = replace(
        of.about,
        ticket=replace(of.about.ticket, verified_at=None),
        earlier=(machine, *of.about.earlier),
    )
    text = part(mail(replace(of, about=about)), kind)
    assert "Could you send us the file" in text
    assert "It has no rows" not in text
    assert "Kind regards" not in text
    assert "I am away" not in text
    assert "A Customer" not in text


@pytest.mark.parametrize("kind", PARTS)
@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("en-GB", ("2 files: open the conversation to get them", "48.2 kB", "1.7 MB")),
        ("de-DE", ("2 Dateien: Sie finden sie im Gespräch", "48,2 kB", "1,7 MB")),
        ("es-ES", ("2 archivos: abra la conversación para obtenerlos", "48,2 kB", "1,7 MB")),
    ],
)
def test_a_reply_lists_the_files_that_came_with_it(
    locale: str, words: tuple[str, ...], kind: str
) -> None:
    """By name and size, in the reader's words; they are to be had in the conversation."""
    of = sample("reply-with-files", locale)
    text = part(mail(of), kind).replace("\u00a0", " ")
    for file in of.about.messages[0].files:
        assert file.name in text
    for each in words:
        assert each in text


def test_a_file_s_name_turns_nothing_around_it_and_many_are_not_all_named() -> None:
    """Names are what somebody typed: one line, cut, and only so many of them."""
    of = sample("reply-with-files")
    names = ("\u202etxt.exe\nBcc: x", "x" * 300, *(f"file-{n}" for n in range(30)))
    (message,) = of.about.messages
    message = replace(message, files=tuple(File(name, 3) for name in names), text="")
    text = part(mail(replace(of, about=replace(of.about, messages=(message,)))), "plain")
    assert "32 files" in text
    assert "\u202e" not in text
    assert "x" * 101 not in text
    assert ("file-17 " in text, "file-18 " in text) == (True, False)
    assert "3 bytes" in text


def test_several_replies_go_as_one() -> None:
    """In their order, under one heading that says how many there are."""
    text = part(mail(sample("reply-of-several")), "html")
    assert "2 answers to your request" in text
    assert text.index("thank you for the file") < text.index("One more thing")


@pytest.mark.parametrize("locale", LANGUAGES)
def test_every_mail_stays_below_what_gmail_shows(locale: str) -> None:
    """All kinds, with every plan and clock; and text lines fit a screen."""
    desk = replace(DESK, staff_locale=locale)
    for each in samples.samples(CATALOGUE, locale=locale):
        sent = mail(each, desk)
        assert len(html(sent).encode()) < GMAIL_CLIPS, each.name
        body = sent.get_body(("plain",))
        assert body is not None
        lines = [line for line in str(body.get_content()).splitlines() if "://" not in line]
        assert max(map(len, lines)) <= 78, each.name
        assert "None" not in str(body.get_content())


@pytest.mark.parametrize("locale", ["tlh", "xx-YY", "de-AT", "zh-Hant-TW", "en", "", "*"])
def test_no_locale_breaks_a_mail(locale: str) -> None:
    """What we don't know falls back to English."""
    assert "2026" in part(mail(sample("acknowledgement-basic", locale)), "plain")
    due = samples.DUE
    language = shipped().language(locale)
    assert "2026" in spell_instant(due, zone("Asia/Kathmandu"), language)
    assert "09:30" in spell_instant(due, zone("No/Where"), language)
