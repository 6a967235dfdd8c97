"""What these pages and the request form keep in a browser: the true list, for the page on cookies.

tests/browser/test_sign_in_pages.py looks into a browser and compares.
"""

from dataclasses import dataclass
from datetime import timedelta

from services.messaging.login.cookies import Cookie
from services.messaging.login.links import MOST
from shared.languages import Language
from shared.passes import STATE_LASTS, PassKind


@dataclass(frozen=True, slots=True)
class Entry:
    """A cookie, or entries of the browser's storage whose names begin alike."""

    name: str
    purpose: str
    lasts: str


@dataclass(frozen=True, slots=True)
class Kept:
    """The cookies of this desk."""

    session: Cookie
    idle: timedelta
    links: Cookie
    reader: Cookie
    sign_in: Cookie | None
    form: Cookie | None
    """Of the request form, which takes the place of typing who one is."""

    def entries(self, language: Language) -> list[Entry]:
        """All of it, in the reader's language."""
        return [*self._cookies(language), *_stored(language)]

    def _cookies(self, language: Language) -> list[Entry]:
        say = language.say
        found = [
            Entry(
                self.links.full_name,
                say("Which requests you have opened by links, %(most)d at the most.", most=MOST),
                say("%(days)d days, or until you sign out", days=self.links.lasts.days),
            ),
            Entry(
                self.reader.full_name,
                say("That you said whether an article helped: so it counts once."),
                say("%(days)d days", days=self.reader.lasts.days),
            ),
        ]
        if self.sign_in is not None:
            found = [*self._signing_in(self.sign_in, language), *found]
        if self.form is not None:
            purpose = say("On the request form: who you are, so that you need not type it.")
            minutes = int(PassKind.KEPT.lasts.total_seconds() // 60)
            lasts = say("%(minutes)d minutes", minutes=minutes)
            found.append(Entry(self.form.full_name, purpose, lasts))
            # Its name is that of services/intake/passes.py.
            found.append(
                Entry(
                    f"{self.form.full_name}_sign_in",
                    say("While you sign in: that it is you who comes back."),
                    say("%(minutes)d minutes", minutes=int(STATE_LASTS.total_seconds() // 60)),
                )
            )
        return found

    def _signing_in(self, sign_in: Cookie, language: Language) -> list[Entry]:
        say, minutes = language.say, int(self.idle.total_seconds() // 60)
        lasts = say(
            "%(hours)d hours at the most, %(minutes)d minutes without a visit, or until you "
            "sign out",
            hours=_hours(self.session.lasts),
            minutes=minutes,
        )
        return [
            Entry(self.session.full_name, say("That you are signed in."), lasts),
            Entry(
                sign_in.full_name,
                say("While you sign in: that it is you who comes back."),
                say("%(minutes)d minutes", minutes=int(sign_in.lasts.total_seconds() // 60)),
            ),
        ]


def _stored(language: Language) -> list[Entry]:
    say = language.say
    # What stands in the storage of the request form's origin, signing out here does not reach.
    return [
        Entry(
            "careline.draft.…",
            say("In the browser's storage: what you have begun to write, and not sent yet."),
            say("Until it is sent, or you sign out"),
        ),
        Entry(
            "careline.waiting.…",
            say("In the browser's storage: messages that wait for a connection."),
            say("Until they are sent, or you sign out"),
        ),
        Entry(
            "careline.request.…",
            say("In the browser's storage: what you have typed into the request form."),
            say("Until it is sent"),
        ),
        Entry(
            "careline.keys-off",
            say("In the browser's storage: that you do without the keys of the inbox."),
            say("Until you switch them on, or sign out"),
        ),
    ]


def _hours(lasts: timedelta) -> float:
    return lasts.total_seconds() / 3600
