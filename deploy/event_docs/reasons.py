"""Why each event is said, and what those do about it who hear it: for people who read the page."""

from collections.abc import Mapping

from shared import adopted, deadlines, events, handling, messages, notifications, privacy
from shared.events import Event

_SHOWN = "messaging shows how the clock stands"

REASONS: Mapping[type[Event], str] = {
    events.TicketCreated: (
        "A request was taken, by form, chat, mail or HTTP. sla slots it by its plan, messaging "
        "opens its thread, notifier plans the acknowledgement."
    ),
    events.TicketStatusChanged: (
        "An agent set it, a customer resolved or reopened it, or their message did. sla lets "
        "clocks stand still, run on or end by it; notifier keeps it for alerts."
    ),
    events.TicketPriorityChanged: (
        "An agent set it. sla counts the ticket's targets anew; notifier keeps it for alerts."
    ),
    handling.TicketAssigned: (
        "An agent took it or gave it away. notifier tells whom it was given to, and alerts the "
        "right team."
    ),
    handling.TicketTagsChanged: "An agent said what the ticket is about: to count tickets by that.",
    handling.TicketMerged: "An agent saw that two tickets are one request: to count them as one.",
    handling.TicketUnmerged: "An agent took a merge back: to count them as two again.",
    handling.PlanChangeRequested: (
        "An agent granted a customer's wish for another plan. sla, which has the directory, "
        "changes it or declines."
    ),
    handling.PlanChangeDeclined: "The answer where there is no change. messaging shows agents why.",
    handling.PlanWishDismissed: (
        "An agent is done with a customer's wish for another plan: so that it is not open any more."
    ),
    handling.LinksRevoked: "An agent took back the links that open a ticket without signing in.",
    events.TicketSlotted: (
        "The answer to `TicketCreated`. notifier's acknowledgement names plan and due time; "
        "messaging shows them."
    ),
    adopted.CatalogueMoved: (
        "An admin lets running clocks count by a newer catalogue: with it anyone can count a "
        "due time again."
    ),
    deadlines.DeadlineScheduled: (
        f"A clock began by a fact that it counts from. {_SHOWN}; notifier keeps that for what it "
        "writes."
    ),
    deadlines.DeadlineMoved: (
        f"Its due time is another one. {_SHOWN}; notifier keeps it for what it writes."
    ),
    deadlines.DeadlinePaused: (
        f"The ticket waits for somebody else. {_SHOWN}; notifier drops warnings that have not "
        "gone out."
    ),
    deadlines.DeadlineResumed: f"The waiting is over. {_SHOWN}, and when it is due now.",
    deadlines.DeadlineAtRisk: (
        f"So that somebody acts while there is time. notifier warns whom the plan names; {_SHOWN}."
    ),
    deadlines.DeadlineMet: (
        f"The promise was kept. {_SHOWN}; notifier drops alerts that have not gone out."
    ),
    deadlines.DeadlineBreached: (
        f"The promise was broken. notifier alerts whom the plan names, step by step; {_SHOWN}."
    ),
    deadlines.DeadlineCancelled: (
        f"The ticket is over, or promises nothing any more. {_SHOWN}; notifier drops alerts that "
        "have not gone out."
    ),
    deadlines.DeadlineBreachRetracted: (
        "Late news showed that the breach was none. notifier takes its alerts back, or tells "
        f"who had one; {_SHOWN}."
    ),
    messages.MessagePosted: (
        "Somebody wrote, on a page, by mail or by the API. sla ends or begins clocks by it; "
        "notifier mails an agent's answer to the customer."
    ),
    messages.MessageReceived: (
        "intake took a mail that answers a thread. messaging puts it there and says "
        "`MessagePosted`; notifier answers into the same thread of mails."
    ),
    messages.AttachmentReceived: (
        "Files travel apart from the words that they came with, in parts that a broker takes. "
        "messaging puts them together and keeps them."
    ),
    messages.MailBounced: (
        "A mail server reported that ours did not arrive. notifier marks the address, and sends "
        "it no more if it is no good."
    ),
    events.PlanChanged: (
        "An admin, an import or a `PlanChangeRequested` put the account on a plan. messaging "
        "shows it; open tickets follow by sla's other events."
    ),
    adopted.CatalogueAdopted: (
        "sla took the file of plans into force: with it anyone knows what each version promises."
    ),
    notifications.NotificationSent: (
        "A delivery has ended well. messaging shows that the customer was told, and takes the "
        "link of the mail for one that opens the ticket."
    ),
    notifications.NotificationFailed: "A delivery has ended badly: so that somebody sees it.",
    notifications.NotificationSuppressed: (
        "What was planned is not needed, or not allowed, any more."
    ),
    privacy.KeyMade: (
        "Something personal is to be said of somebody who has no key younger than 30 days. "
        "Whoever reads personal parts opens them with it."
    ),
    privacy.ErasureRequested: (
        "An admin took up a person's wish to be forgotten. Whoever keeps anything of theirs "
        "takes it away."
    ),
    privacy.PersonErased: (
        "The answer to `ErasureRequested`. messaging puts the answers together to a report."
    ),
}
