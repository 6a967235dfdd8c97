"""Own words are told from quoted ones; no line is lost, and hostile text takes no time."""

# ruff: noqa: RUF001 - letters of other alphabets look like ours

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.mail.text import split_quoted

WROTE = [
    "On Mon, Jun 3, 2024 at 10:05 AM Careline <support@desk.example> wrote:",
    "On 3 Jun 2024, at 10:05, Careline <support@desk.example> wrote:",
    "Am Mo., 3. Juni 2024 um 10:05 Uhr schrieb Careline <support@desk.example>:",
    "Am 03.06.24 um 10:05 schrieb Careline:",
    "El lun, 3 jun 2024 a las 10:05, Careline (<support@desk.example>) escribió:",
    "Le lun. 3 juin 2024 à 10:05, Careline <support@desk.example> a écrit :",
    "Il giorno lun 3 giu 2024 alle ore 10:05 Careline <support@desk.example> ha scritto:",
    "Em seg., 3 de jun. de 2024 às 10:05, Careline <support@desk.example> escreveu:",
    "Op ma 3 jun 2024 om 10:05 schreef Careline <support@desk.example>:",
    "Den mån 3 juni 2024 kl 10:05 skrev Careline <support@desk.example>:",
    "pon., 3 cze 2024 o 10:05 Careline <support@desk.example> napisał(a):",
    "пн, 3 июн. 2024 г. в 10:05, Careline <support@desk.example>:",
    "2024年6月3日(月) 10:05 Careline <support@desk.example>:",
    "Careline <support@desk.example> 于2024年6月3日周一 10:05写道：",
]
BLOCKS = [
    ("From: Careline", "Sent: Monday", "To: me", "Subject: Report"),
    ("Von: Careline", "Gesendet: Montag", "An: mich", "Betreff: Bericht"),
    ("De: Careline", "Enviado el: lunes", "Para: mí", "Asunto: Informe"),
    ("De : Careline", "Envoyé : lundi", "À : moi", "Objet : Rapport"),
    ("*From:* Careline", "*Date:* Monday", "*To:* me", "*Subject:* Report"),
    ("Da: Careline", "Inviato: lunedì", "A: me", "Oggetto: Rapporto"),
    ("发件人: Careline", "发送时间: 2024年6月3日", "收件人: me", "主题: 报表"),
]
pieces = st.sampled_from(
    [
        *(
            "",
            "",
            "Words.",
            "More words.",
            "> quoted",
            "> > deeper",
            ">",
            "Sent from my iPhone",
            "-- ",
        ),
        *("-----Original Message-----", "---------- Forwarded message ---------", "_" * 32),
        *("Begin forwarded message:", "On Monday, support", "wrote:", "somebody wrote:"),
        *WROTE,
        *(line for block in BLOCKS for line in block),
    ]
)


@given(st.lists(pieces | st.text(st.characters(exclude_characters="\n")), max_size=30))
def test_no_line_is_lost(lines: list[str]) -> None:
    """Every line that says something is among the own words or the quoted ones, once."""
    text = "\n".join(lines)
    own, quoted = split_quoted(text)
    said = Counter(line for line in text.split("\n") if line.strip())
    kept = Counter(line for line in [*own.split("\n"), *(quoted or "").split("\n")] if line.strip())
    assert kept == said


@pytest.mark.parametrize("wrote", WROTE)
def test_an_answer_above_its_quotation_is_told_from_it(wrote: str) -> None:
    """In each language, whether the quoted lines are marked or not."""
    assert split_quoted(f"Yes.\n\n{wrote}\n\n> Is it?\n") == ("Yes.", f"{wrote}\n\n> Is it?")
    assert split_quoted(f"Yes.\n\n{wrote}\n\nIs it?\n") == ("Yes.", f"{wrote}\n\nIs it?")


@pytest.mark.parametrize("wrote", WROTE)
def test_an_answer_below_its_quotation_is_told_from_it(wrote: str) -> None:
    """Whoever answers below has the quotation first."""
    assert split_quoted(f"{wrote}\n> Is it?\n\nYes.\n") == ("Yes.", f"{wrote}\n> Is it?")


@pytest.mark.parametrize("wrote", WROTE)
def test_answers_between_quoted_lines_hide_nothing(wrote: str) -> None:
    """Then all of it is own: nobody could say which words belong together."""
    text = f"{wrote}\n> Is it?\n\nYes.\n\n> Since when?\n\nToday."
    assert split_quoted(text) == (text, None)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block[0])
@pytest.mark.parametrize("rule", ["", "________________________________\n"])
def test_outlooks_block_of_headers_begins_a_quotation(block: tuple[str, ...], rule: str) -> None:
    """With the line above it, where there is one."""
    quoted = f"{rule}{chr(10).join(block)}\n\nIs it?"
    assert split_quoted(f"Yes.\n\n{quoted}") == ("Yes.", quoted)


@pytest.mark.parametrize(
    "text",
    [
        "-------- Forwarded Message --------\nFrom: a\nDate: b\nTo: c\n\nPay!",
        "Begin forwarded message:\n\n> Pay!",
        "Von: a\nGesendet: b\nAn: c\nBetreff: d\n\nPay!\n\nGesendet von Outlook",
        "> Only marked lines.\n> Nothing else.",
        "As he wrote:\nnothing of this is quoted",
        "In 2024 somebody wrote:\nnothing of this is quoted",
        "I see this:\n> ERROR 42\n\nWhat is it?",
        "-----BEGIN PGP SIGNED MESSAGE-----\n\nWords.\n-----BEGIN PGP SIGNATURE-----\niQ==",
        "From: here\nto: there",
        "",
    ],
)
def test_what_is_not_an_answer_stays_whole(text: str) -> None:
    """What is handed on without a word is what its sender says."""
    assert split_quoted(text) == (text, None)


def test_an_answer_without_words_has_none() -> None:
    """An empty answer, such as one with a file alone, repeats what it answers."""
    wrote = f"{WROTE[0]}\n> Is it?"
    assert split_quoted(wrote) == ("", wrote)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000,
        "_" * 1_000_000,
        ":" * 1_000_000,
        "On " * 300_000,
        "> \n" * 100_000,
        "> \nx\n" * 50_000,
        ">" * 1_000_000,
        "From: a\n" * 50_000,
        "On 1\nwrote:\n" * 50_000,
        "-----Original Message\n" * 50_000,
        f"{'_' * 32}\n" * 20_000,
        "\n" * 500_000,
    ],
    ids=lambda text: repr(text[:12]),
)
def test_hostile_text_is_split_in_time(text: str) -> None:
    """Time grows with the length and no faster: far more than any mail keeps takes a second."""
    own, quoted = split_quoted(text)
    assert len(own) + len(quoted or "") <= len(text)
