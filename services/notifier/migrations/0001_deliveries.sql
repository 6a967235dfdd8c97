-- What mails about a ticket need to know. Its slot and its messages may be heard before itself.
CREATE TABLE tickets (
    ticket uuid PRIMARY KEY,
    requester text,
    address text,
    name text,
    locale text,
    time_zone text,
    queue text NOT NULL DEFAULT 'support',
    automatic boolean NOT NULL DEFAULT false,
    message_id text,
    verified_at timestamptz,
    plan text,
    due_at timestamptz,
    slotted_at timestamptz,
    answered_at timestamptz,
    over_since timestamptz
);

COMMENT ON COLUMN tickets.message_id IS
    'of the last mail that the requester sent: our next mail answers it';
COMMENT ON COLUMN tickets.verified_at IS
    'when they first answered a mail of ours from that address: only then is it theirs for sure';
COMMENT ON COLUMN tickets.answered_at IS 'the last public message of an agent';
COMMENT ON COLUMN tickets.over_since IS 'resolved or closed since; none while it is open';

-- The public words of threads: what mails to customers carry and quote.
CREATE TABLE messages (
    message uuid PRIMARY KEY,
    ticket uuid NOT NULL,
    sequence integer NOT NULL,
    author_kind text NOT NULL CHECK (author_kind IN ('customer', 'agent', 'system')),
    author_name text,
    text text NOT NULL,
    posted_at timestamptz NOT NULL,
    delivery uuid
);
CREATE INDEX messages_by_ticket ON messages (ticket, sequence);
CREATE INDEX messages_by_delivery ON messages (delivery) WHERE delivery IS NOT NULL;

COMMENT ON COLUMN messages.delivery IS 'the mail that carries it to the requester, if one does';

-- One row per message to one recipient, planned in the transaction of its cause.
CREATE TABLE deliveries (
    id uuid PRIMARY KEY,
    ticket uuid,
    kind text NOT NULL CHECK (kind IN (
        'acknowledgement', 'reply', 'at_risk_alert', 'breach_alert', 'breach_retraction', 'digest'
    )),
    channel text NOT NULL CHECK (channel IN ('email', 'slack', 'pagerduty', 'webhook')),
    lane text NOT NULL,
    address text NOT NULL,
    state text NOT NULL CHECK (state IN ('planned', 'sending', 'sent', 'failed', 'suppressed')),
    not_before timestamptz NOT NULL,
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
    digest uuid REFERENCES deliveries (id),
    withdrawn_by uuid,
    reason text,
    code integer,
    detail text,
    bounced_at timestamptz,
    CHECK ((state IN ('sent', 'failed', 'suppressed')) = (ended_at IS NOT NULL)),
    CHECK (state NOT IN ('failed', 'suppressed') OR reason IS NOT NULL),
    CHECK ((kind = 'digest') = (ticket IS NULL)),
    CHECK (kind <> 'digest' OR digest IS NULL)
);
-- The sender's only question: what is to be sent by now, on this lane? What a digest carries is not.
CREATE INDEX deliveries_to_send ON deliveries (lane, not_before)
    WHERE state IN ('planned', 'sending') AND digest IS NULL;
CREATE INDEX deliveries_by_ticket ON deliveries (ticket);
CREATE INDEX deliveries_by_digest ON deliveries (digest) WHERE digest IS NOT NULL;
-- How many somebody had lately, and what operators look at: the newest first.
CREATE INDEX deliveries_by_address ON deliveries (lower(address), caused_at);
CREATE INDEX deliveries_by_time ON deliveries (caused_at DESC, id);

COMMENT ON COLUMN deliveries.ticket IS 'none for a digest, which is about many';
COMMENT ON COLUMN deliveries.lane IS
    'the way out: email for all mail, else the name of a destination; each has limits of its own';
COMMENT ON COLUMN deliveries.address IS 'an e-mail address, or the name of a destination';
COMMENT ON COLUMN deliveries.not_before IS
    'planned: when it may go; sending: until when its sender holds it';
COMMENT ON COLUMN deliveries.uncertain IS
    'an earlier try may have arrived: its sender died, or lost the line, before it knew';
COMMENT ON COLUMN deliveries.step IS 'of an alert: 0 goes at once, later ones if nobody reacts';
COMMENT ON COLUMN deliveries.digest IS 'the delivery that carries it, with others, as one';
COMMENT ON COLUMN deliveries.withdrawn_by IS
    'the event by which what it says no longer holds: it is not tried any more';
COMMENT ON COLUMN deliveries.reason IS 'why it failed or was suppressed, or is to be';
COMMENT ON COLUMN deliveries.bounced_at IS 'when it came back after it had been taken';

-- What was handed over at the last try, as it was; a table of its own, since it is large.
CREATE TABLE contents (
    delivery uuid PRIMARY KEY REFERENCES deliveries (id) ON DELETE CASCADE,
    body bytea NOT NULL,
    media_type text NOT NULL
);

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

-- Addresses that mail came back from for good.
CREATE TABLE bounces (
    address text PRIMARY KEY CHECK (address = lower(address)),
    bounced_at timestamptz NOT NULL,
    status text,
    detail text
);

-- How many alerts each recipient had lately: one row is locked while something is planned for them.
CREATE TABLE recipients (
    address text PRIMARY KEY,
    open_digest uuid
);

COMMENT ON COLUMN recipients.open_digest IS 'the digest that takes what comes too thick';
