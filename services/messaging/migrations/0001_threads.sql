-- Exactly one thread per ticket.
CREATE TABLE threads (
    ticket uuid PRIMARY KEY,
    account text NOT NULL,
    requester text NOT NULL,
    requester_name text,
    subject text,
    channel text NOT NULL,
    queue text NOT NULL,
    continues uuid,
    automatic boolean NOT NULL,
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
COMMENT ON COLUMN threads.continues IS
    'an older ticket that it answers; not a reference, since that one may be gone by now';

CREATE TABLE messages (
    id uuid PRIMARY KEY,
    ticket uuid NOT NULL REFERENCES threads (ticket) ON DELETE CASCADE,
    sequence integer NOT NULL CHECK (sequence >= 1),
    author_kind text NOT NULL CHECK (author_kind IN ('customer', 'agent', 'system')),
    author text NOT NULL,
    author_name text,
    visibility text NOT NULL CHECK (visibility IN ('public', 'note')),
    channel text NOT NULL,
    text text NOT NULL,
    quoted text,
    posted_at timestamptz NOT NULL,
    UNIQUE (ticket, sequence)
);

COMMENT ON COLUMN messages.quoted IS 'what a mail repeated of earlier ones, or forwarded';

-- Mails whose thread is not open yet: topics are read independently of one another.
CREATE TABLE waiting_mails (
    message uuid PRIMARY KEY,
    ticket uuid NOT NULL,
    received_at timestamptz NOT NULL,
    arrival bigint GENERATED ALWAYS AS IDENTITY,
    event bytea NOT NULL,
    refused boolean NOT NULL DEFAULT false
);

CREATE INDEX waiting_mails_by_ticket ON waiting_mails (ticket) WHERE NOT refused;

COMMENT ON COLUMN waiting_mails.event IS 'the record as intake said it';
COMMENT ON COLUMN waiting_mails.refused IS
    'it could not be put in, for example since its sender is a stranger: somebody has to look at it';

-- Files that came with a message.
CREATE TABLE attachments (
    id uuid PRIMARY KEY,
    message uuid NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    ticket uuid NOT NULL,
    place integer NOT NULL CHECK (place >= 1),
    name text NOT NULL,
    content_type text NOT NULL,
    size_bytes bigint NOT NULL CHECK (size_bytes >= 0),
    sha256 text NOT NULL,
    state text NOT NULL DEFAULT 'incoming' CHECK (state IN ('incoming', 'complete', 'broken')),
    UNIQUE (message, place)
);

COMMENT ON COLUMN attachments.state IS
    'broken: all parts are here, and together they are not what its message says';

-- Their content; a part may be heard before the message that it belongs to.
CREATE TABLE attachment_parts (
    attachment uuid NOT NULL,
    part integer NOT NULL CHECK (part >= 1),
    parts integer NOT NULL CHECK (parts >= part),
    -- Most files are packed already: to pack them again costs time and brings nothing.
    content bytea STORAGE EXTERNAL NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (attachment, part)
);

-- For the search for parts whose message never came.
CREATE INDEX attachment_parts_by_age ON attachment_parts (received_at);

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
