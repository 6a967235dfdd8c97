-- Exactly one thread per ticket.
CREATE TABLE threads (
    ticket uuid PRIMARY KEY,
    account text NOT NULL,
    requester text NOT NULL,
    requester_name text,
    subject text,
    channel text NOT NULL,
    priority text NOT NULL CHECK (priority IN ('low', 'normal', 'high', 'urgent')),
    status text NOT NULL DEFAULT 'open'
        CHECK (status IN ('open', 'pending', 'on_hold', 'resolved', 'closed')),
    opened_at timestamptz NOT NULL,
    correlation uuid NOT NULL,
    traceparent text,
    fingerprint text,
    last_sequence integer NOT NULL DEFAULT 0,
    changes integer NOT NULL DEFAULT 0,
    changed_at timestamptz
);

COMMENT ON COLUMN threads.changes IS
    'how often its status or priority was set: the id of each such event follows from it';

CREATE TABLE messages (
    id uuid PRIMARY KEY,
    ticket uuid NOT NULL REFERENCES threads (ticket) ON DELETE CASCADE,
    sequence integer NOT NULL CHECK (sequence >= 1),
    author_kind text NOT NULL CHECK (author_kind IN ('customer', 'agent', 'system')),
    author text NOT NULL,
    author_name text,
    visibility text NOT NULL CHECK (visibility IN ('public', 'note')),
    text text NOT NULL,
    posted_at timestamptz NOT NULL,
    UNIQUE (ticket, sequence)
);

-- What sla and notifier said of a ticket; it may be heard before the ticket itself.
CREATE TABLE slots (
    ticket uuid PRIMARY KEY,
    plan text NOT NULL,
    service_level text NOT NULL,
    catalogue_version text NOT NULL
);

CREATE TABLE clocks (
    ticket uuid NOT NULL,
    clock text NOT NULL
        CHECK (clock IN ('first_response', 'next_response', 'update', 'resolution')),
    cycle integer NOT NULL CHECK (cycle >= 1),
    revision integer NOT NULL CHECK (revision >= 1),
    state text NOT NULL
        CHECK (state IN ('running', 'at_risk', 'paused', 'met', 'cancelled', 'breached')),
    due_at timestamptz,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (ticket, clock, cycle)
);

COMMENT ON COLUMN clocks.due_at IS 'none while the clock stands still';

CREATE TABLE acknowledgements (
    ticket uuid PRIMARY KEY,
    sent_at timestamptz NOT NULL
);
