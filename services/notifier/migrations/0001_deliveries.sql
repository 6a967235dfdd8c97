-- What mails about a ticket need to know. Its slot and its messages may be heard before itself.
CREATE TABLE tickets (
    ticket uuid PRIMARY KEY,
    requester text,
    address text,
    name text,
    locale text,
    time_zone text,
    queue text NOT NULL DEFAULT 'support',
    queue_at timestamptz,
    assignment uuid,
    assigned_at timestamptz,
    automatic boolean NOT NULL DEFAULT false,
    message_id text,
    verified_at timestamptz,
    plan text,
    due_at timestamptz,
    slotted_at timestamptz,
    answered_at timestamptz,
    over_since timestamptz,
    status_at timestamptz,
    priority text CHECK (priority IN ('low', 'normal', 'high', 'urgent')),
    priority_at timestamptz
);
CREATE INDEX tickets_to_forget ON tickets (over_since) WHERE address IS NOT NULL;

-- By the number that people use: the last 60 bits of the id.
CREATE INDEX tickets_by_number ON tickets (right(ticket::text, 16));

COMMENT ON COLUMN tickets.message_id IS
    'of the last mail that the requester sent: our next mail answers it';
COMMENT ON COLUMN tickets.verified_at IS
    'when they first answered a mail of ours from that address: only then is it theirs for sure';
COMMENT ON COLUMN tickets.answered_at IS 'the last public message of an agent';
COMMENT ON COLUMN tickets.over_since IS 'resolved or closed since; none while it is open';
COMMENT ON COLUMN tickets.status_at IS 'when the status was last set: what is heard late counts not';
COMMENT ON COLUMN tickets.queue_at IS 'when it was last changed; none if it never was';
COMMENT ON COLUMN tickets.assignment IS 'the event by which it is whose it is';
COMMENT ON COLUMN tickets.priority_at IS 'when it was last changed; none if it never was';

-- Mails that answered threads, by a person: who reads our mail, and what our next one answers.
CREATE TABLE received (
    message uuid PRIMARY KEY,
    ticket uuid NOT NULL,
    requester text NOT NULL,
    message_id text,
    received_at timestamptz NOT NULL
);
CREATE INDEX received_by_ticket ON received (ticket);

-- The public words of threads: what mails to customers carry and quote.
CREATE TABLE messages (
    message uuid PRIMARY KEY,
    ticket uuid NOT NULL,
    sequence integer NOT NULL,
    author_kind text NOT NULL CHECK (author_kind IN ('customer', 'agent', 'system')),
    author_name text,
    text text NOT NULL,
    files jsonb NOT NULL DEFAULT '[]',
    posted_at timestamptz NOT NULL,
    caused_by uuid NOT NULL,
    correlation uuid NOT NULL,
    traceparent text,
    delivery uuid
);
CREATE INDEX messages_by_ticket ON messages (ticket, sequence);
CREATE INDEX messages_by_delivery ON messages (delivery) WHERE delivery IS NOT NULL;
CREATE INDEX messages_to_forget ON messages (posted_at) WHERE text <> '' OR files <> '[]';

COMMENT ON COLUMN messages.text IS 'empty once it was forgotten';
COMMENT ON COLUMN messages.files IS 'name and size of each; empty once it was forgotten';
COMMENT ON COLUMN messages.caused_by IS 'the event that told of it';
COMMENT ON COLUMN messages.delivery IS 'the mail that carries it to the requester, if one does';

-- One row per message to one recipient, planned in the transaction of its cause.
CREATE TABLE deliveries (
    id uuid PRIMARY KEY,
    ticket uuid,
    kind text NOT NULL CHECK (kind IN (
        'acknowledgement', 'reply', 'at_risk_alert', 'breach_alert', 'breach_retraction', 'assignment',
        'digest'
    )),
    channel text NOT NULL CHECK (channel IN ('email', 'slack', 'pagerduty', 'webhook')),
    lane text NOT NULL,
    address text NOT NULL,
    state text NOT NULL CHECK (state IN ('planned', 'sending', 'sent', 'failed', 'suppressed')),
    not_before timestamptz NOT NULL,
    first_tried_at timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    uncertain boolean NOT NULL DEFAULT false,
    caused_at timestamptz NOT NULL,
    ended_at timestamptz,
    caused_by uuid NOT NULL,
    correlation uuid NOT NULL,
    traceparent text,
    facts jsonb NOT NULL DEFAULT '{}',
    clock text CHECK (clock IN ('first_response', 'next_response', 'update', 'resolution')),
    cycle integer,
    step integer NOT NULL DEFAULT 0,
    held boolean NOT NULL DEFAULT false,
    admitted_at timestamptz,
    digest uuid REFERENCES deliveries (id),
    withdrawn_by uuid,
    withdrawn_during integer,
    reason text,
    code integer,
    detail text,
    bounced_at timestamptz,
    round integer NOT NULL DEFAULT 0,
    again_at timestamptz,
    again_by text,
    tried_before integer NOT NULL DEFAULT 0,
    CHECK ((state IN ('sent', 'failed', 'suppressed')) = (ended_at IS NOT NULL)),
    CHECK (state NOT IN ('failed', 'suppressed') OR reason IS NOT NULL),
    CHECK ((kind = 'digest') = (ticket IS NULL)),
    CHECK (kind <> 'digest' OR digest IS NULL),
    CHECK (NOT held OR digest IS NULL),
    CHECK (withdrawn_by IS NULL OR reason IS NOT NULL),
    CHECK (withdrawn_during IS NULL OR withdrawn_by IS NOT NULL),
    CHECK ((round = 0) = (again_at IS NULL))
);
-- The sender's only question: what is to be sent by now, on this lane? What a digest carries is not.
CREATE INDEX deliveries_to_send ON deliveries (lane, not_before)
    WHERE state IN ('planned', 'sending') AND digest IS NULL AND NOT held;
-- Storm control's questions: whose time has come, and how many had this recipient lately?
CREATE INDEX deliveries_held ON deliveries (not_before) WHERE held AND state = 'planned';
CREATE INDEX deliveries_admitted ON deliveries (lower(address), admitted_at)
    WHERE admitted_at IS NOT NULL;
-- What a digest carries that no longer holds: it ends once the try that may have it has ended.
CREATE INDEX deliveries_withdrawn ON deliveries (digest)
    WHERE digest IS NOT NULL AND withdrawn_by IS NOT NULL AND state = 'planned';
CREATE INDEX deliveries_by_ticket ON deliveries (ticket);
CREATE INDEX deliveries_by_digest ON deliveries (digest) WHERE digest IS NOT NULL;
-- How many somebody had lately.
CREATE INDEX deliveries_by_address ON deliveries (lower(address), caused_at);
CREATE INDEX acknowledgements_by_domain
    ON deliveries (lower(substring(address FROM '[^@]*$')), caused_at)
    WHERE kind = 'acknowledgement';
-- What operators look at: the newest first, all of them or those in one state.
CREATE INDEX deliveries_by_time ON deliveries (caused_at, id);
CREATE INDEX deliveries_by_state ON deliveries (state, caused_at, id);
-- Customers' addresses that are kept no longer.
CREATE INDEX deliveries_to_forget ON deliveries (ended_at)
    WHERE kind IN ('acknowledgement', 'reply') AND address <> '';
-- What failed since an hour ago, or since a destination broke.
CREATE INDEX deliveries_failed ON deliveries (ended_at, id) WHERE state = 'failed';

COMMENT ON COLUMN deliveries.ticket IS 'none for a digest, which is about many';
COMMENT ON COLUMN deliveries.lane IS
    'the way out: email for all mail, else the name of a destination; each has limits of its own';
COMMENT ON COLUMN deliveries.address IS
    'an e-mail address, or the name of a destination; empty once it was forgotten';
COMMENT ON COLUMN deliveries.not_before IS
    'planned: when it may go; sending: until when its sender holds it';
COMMENT ON COLUMN deliveries.first_tried_at IS
    'when the first try of this round began: it is given up some time after that';
COMMENT ON COLUMN deliveries.uncertain IS
    'an earlier try may have arrived: its sender died, or lost the line, before it knew';
COMMENT ON COLUMN deliveries.step IS 'of an alert: 0 goes at once, later ones if nobody reacts';
COMMENT ON COLUMN deliveries.held IS
    'an alert that storm control has yet to let go, once its time has come: no sender takes it';
COMMENT ON COLUMN deliveries.admitted_at IS
    'when storm control let an alert go by itself; of a digest, when it was opened';
COMMENT ON COLUMN deliveries.digest IS 'the delivery that carries it, with others, as one';
COMMENT ON COLUMN deliveries.withdrawn_by IS
    'the event by which what it says no longer holds: it is not tried any more';
COMMENT ON COLUMN deliveries.withdrawn_during IS
    'of what a digest carries: which try of the digest was under way then, and had it still';
COMMENT ON COLUMN deliveries.reason IS 'why it failed or was suppressed, or is to be';
COMMENT ON COLUMN deliveries.bounced_at IS 'when it came back after it had been taken';
COMMENT ON COLUMN deliveries.round IS
    'how often somebody had it sent again, at last at again_at, after tried_before tries';

-- What was handed over at the last try, as it was; a table of its own, since it is large.
CREATE TABLE contents (
    delivery uuid PRIMARY KEY REFERENCES deliveries (id) ON DELETE CASCADE,
    body bytea NOT NULL,
    media_type text NOT NULL,
    kept_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX contents_to_forget ON contents (kept_at);

-- What each try came to.
CREATE TABLE tries (
    delivery uuid NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
    attempt integer NOT NULL,
    began_at timestamptz NOT NULL,
    ended_at timestamptz,
    outcome text NOT NULL CHECK (outcome IN ('under_way', 'accepted', 'refused', 'lost')),
    code integer,
    detail text,
    PRIMARY KEY (delivery, attempt)
);

COMMENT ON COLUMN tries.outcome IS
    'under_way: a sender has it, or died with it; lost: there was no answer';

-- Addresses that mail came back from for good, and when somebody wrote to us from them.
CREATE TABLE bounces (
    address text PRIMARY KEY CHECK (address = lower(address)),
    bounced_at timestamptz,
    alive_at timestamptz,
    status text,
    detail text,
    CHECK (bounced_at IS NOT NULL OR alive_at IS NOT NULL)
);

COMMENT ON COLUMN bounces.alive_at IS
    'the last mail from there: a bounce from before it counts no more, whichever was heard first';

-- What customers may read while they wait, as the file of articles has it.
CREATE TABLE articles (
    id text PRIMARY KEY,
    version text NOT NULL,
    language text NOT NULL,
    title text NOT NULL,
    url text NOT NULL,
    words tsvector NOT NULL
);
CREATE INDEX articles_by_words ON articles USING gin (words);

COMMENT ON COLUMN articles.version IS 'hash of all articles of the file; the same in every row';
COMMENT ON COLUMN articles.words IS 'title, keywords and summary, in the words'' stems';

-- Promises that slipped, as they were heard: nobody is alerted of one twice.
CREATE TABLE slips (
    event uuid PRIMARY KEY,
    ticket uuid NOT NULL,
    waits jsonb,
    retracted_by uuid
);
CREATE INDEX slips_that_wait ON slips (ticket) WHERE waits IS NOT NULL;

COMMENT ON COLUMN slips.waits IS
    'the event, as long as its ticket was not heard of: who is told by queue is told after that';
COMMENT ON COLUMN slips.retracted_by IS 'the event by which the breach does not hold';

-- Since when earlier warnings of a clock are late: it ended, was paused or was breached by then.
CREATE TABLE overtaken (
    ticket uuid NOT NULL,
    clock text NOT NULL CHECK (clock IN ('first_response', 'next_response', 'update', 'resolution')),
    cycle integer NOT NULL,
    revision integer NOT NULL,
    event uuid NOT NULL,
    PRIMARY KEY (ticket, clock, cycle)
);

COMMENT ON COLUMN overtaken.revision IS
    'of the event that says so: it may be heard before a warning that was said earlier';

-- By when what is promised is due, as it was said last.
CREATE TABLE clocks (
    ticket uuid NOT NULL,
    clock text NOT NULL CHECK (clock IN ('first_response', 'next_response', 'update', 'resolution')),
    cycle integer NOT NULL,
    revision integer NOT NULL,
    plan text NOT NULL,
    due_at timestamptz,
    PRIMARY KEY (ticket, clock, cycle)
);

COMMENT ON COLUMN clocks.due_at IS 'none while nothing runs';

-- Whom alerts go to.
CREATE TABLE recipients (
    address text PRIMARY KEY,
    open_digest uuid
);

COMMENT ON COLUMN recipients.open_digest IS 'the digest that takes what comes too thick';

-- What stands against sending deliveries again: what they say is not so, or is not kept any more.
CREATE VIEW outdated AS
SELECT d.id AS delivery, CASE
    WHEN d.kind = 'breach_alert' AND EXISTS (
        SELECT FROM slips AS s WHERE s.event = d.caused_by AND s.retracted_by IS NOT NULL
    ) THEN 'breach_retracted'
    WHEN d.kind = 'at_risk_alert' AND EXISTS (
        SELECT FROM overtaken AS o
        WHERE o.ticket = d.ticket AND o.clock = d.clock AND o.cycle = d.cycle
          AND o.revision > (d.facts ->> 'revision')::integer
    ) THEN 'overtaken'
    WHEN d.kind = 'assignment' AND EXISTS (
        SELECT FROM tickets AS t WHERE t.ticket = d.ticket AND t.assignment <> d.caused_by
    ) THEN 'reassigned'
    WHEN d.address = '' THEN 'forgotten'
    WHEN d.kind = 'reply' AND NOT EXISTS (
        SELECT FROM messages AS m WHERE m.delivery = d.id AND (m.text <> '' OR m.files <> '[]')
    ) THEN 'forgotten'
END AS reason
FROM deliveries AS d;
