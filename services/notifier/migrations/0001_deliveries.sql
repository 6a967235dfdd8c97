-- What an acknowledgement needs to know. The slot may be heard before the ticket itself.
CREATE TABLE tickets (
    ticket uuid PRIMARY KEY,
    locale text,
    time_zone text,
    plan text,
    due_at timestamptz,
    slotted_at timestamptz
);

-- One row per message to one recipient, planned in the transaction of its cause.
CREATE TABLE deliveries (
    id uuid PRIMARY KEY,
    ticket uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('acknowledgement', 'breach_alert', 'breach_retraction')),
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
    retracted_by uuid,
    CHECK ((state IN ('sent', 'failed', 'suppressed')) = (ended_at IS NOT NULL)),
    CHECK (state <> 'suppressed' OR retracted_by IS NOT NULL)
);
-- The sender's only question: what is to be sent by now?
CREATE INDEX deliveries_to_send ON deliveries (not_before) WHERE state IN ('planned', 'sending');
CREATE INDEX deliveries_by_ticket ON deliveries (ticket);

COMMENT ON COLUMN deliveries.not_before IS
    'planned: when it may go; sending: until when its sender holds it';
COMMENT ON COLUMN deliveries.uncertain IS
    'an earlier try may have arrived: its sender died, or lost the line, before it knew';

COMMENT ON COLUMN deliveries.retracted_by IS
    'the event by which what it says no longer holds: it is not tried any more';
