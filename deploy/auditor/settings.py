"""What the auditor is told."""

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from deploy.auditor.promises import Terms
from shared import database_address
from shared.kafka_settings import OffIfEmpty
from shared.setting_words import Expected, Unit
from shared.settings import Seconds, Settings


def _address(value: SecretStr | None) -> SecretStr | None:
    if value is not None:
        database_address.check(value.get_secret_value())
    return value


Dsn = Annotated[
    SecretStr | None,
    OffIfEmpty,
    AfterValidator(_address),
    Expected(database_address.SHAPE),
]


class AuditorSettings(Settings):
    """What the auditor is told, beside what every service is."""

    audit_look_back: Annotated[float, Unit("hours")] = Field(24.0, gt=0, le=24 * 28)
    """How far back it begins to read; what began before is judged by halves."""
    audit_slotted_within: Seconds = Field(60, gt=0)
    """From a ticket's creation to its slot."""
    audit_acknowledged_within: Seconds = Field(300, gt=0)
    """From a ticket's creation to what became of its acknowledgement. Late has an alert of its own:
    here it counts as lost."""
    audit_fired_within: Seconds = Field(60, gt=0)
    """From a due time to what is said of it."""
    audit_follows_within: Seconds = Field(60, gt=0)
    """Until a cause that is named is heard, or a false alarm is taken back."""
    audit_clock_skew: Seconds = Field(1, ge=0, le=60)
    """How far the clocks of brokers and services may differ."""
    audit_open_for: Annotated[float, Unit("hours")] = Field(24.0, gt=0)
    """How long something counts as open that nothing can mend."""
    audit_tickets: Annotated[int, Unit("tickets")] = Field(20_000, ge=100, le=5_000_000)
    """The most that it remembers: some 7 kB each."""
    audit_database_every: Seconds = Field(60, ge=0.1)
    """Between two looks into the databases."""
    audit_database_window: Annotated[float, Unit("hours")] = Field(2.0, gt=0)
    """How old the tickets may be that are looked up there."""
    audit_database_tickets: Annotated[int, Unit("tickets")] = Field(2_000, ge=1, le=100_000)
    """The most that are looked up at a time; the next ones have their turn at the next look."""
    audit_sla: Dsn = None
    """Sla's database, for a role that may only read (`docs/auditor.md`); left alone if not set."""
    audit_notifier: Dsn = None
    """Notifier's database, the same."""
    audit_messaging: Dsn = None
    """Messaging's database, the same."""

    @property
    def terms(self) -> Terms:
        """How long things may take."""
        return Terms(
            slotted_within=timedelta(seconds=self.audit_slotted_within),
            acknowledged_within=timedelta(seconds=self.audit_acknowledged_within),
            fired_within=timedelta(seconds=self.audit_fired_within),
            follows_within=timedelta(seconds=self.audit_follows_within),
            skew=timedelta(seconds=self.audit_clock_skew),
            open_for=timedelta(hours=self.audit_open_for),
            tickets=self.audit_tickets,
        )

    @property
    def databases(self) -> dict[str, str]:
        """By service, those that it may look into."""
        given = {
            "sla": self.audit_sla,
            "notifier": self.audit_notifier,
            "messaging": self.audit_messaging,
        }
        return {name: dsn.get_secret_value() for name, dsn in given.items() if dsn is not None}
