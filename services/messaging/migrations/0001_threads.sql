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
    closed_by text CHECK (closed_by IN ('customer', 'agent', 'system')),
    opened_at timestamptz NOT NULL,
    correlation uuid NOT NULL,
    traceparent text,
    fingerprint text,
    last_sequence integer NOT NULL DEFAULT 0,
    changes integer NOT NULL DEFAULT 0,
    changed_at timestamptz,
    address text,
    account_verified boolean NOT NULL DEFAULT false,
    locale text NOT NULL DEFAULT 'en',
    time_zone text NOT NULL DEFAULT 'UTC',
    assignee text,
    assignee_name text,
    tags text[] NOT NULL DEFAULT '{}',
    merged_into uuid REFERENCES threads (ticket) CHECK (merged_into <> ticket),
    asked_plan text,
    revision bigint NOT NULL DEFAULT 1,
    urgency smallint NOT NULL DEFAULT 3 CHECK (urgency BETWEEN 0 AND 3),
    next_due_at timestamptz,
    waiting_since timestamptz,
    last_message_at timestamptz
);

CREATE INDEX threads_by_account ON threads (account, opened_at DESC);
CREATE INDEX threads_by_requester ON threads (requester, opened_at DESC);
-- The inbox goes by these: what is to do, what is over, and what is to do in each queue.
CREATE INDEX threads_to_do ON threads (urgency, (coalesce(next_due_at, waiting_since, 'infinity')), ticket)
    WHERE status IN ('open', 'pending', 'on_hold') AND merged_into IS NULL;
CREATE INDEX threads_done ON threads (urgency, (coalesce(next_due_at, waiting_since, 'infinity')), ticket)
    WHERE status IN ('resolved', 'closed') AND merged_into IS NULL;
CREATE INDEX threads_of_queues ON threads (queue, assignee)
    WHERE status IN ('open', 'pending', 'on_hold') AND merged_into IS NULL;
CREATE INDEX threads_merged ON threads (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX threads_by_age ON threads (opened_at DESC, ticket DESC);
-- What agents look for: words of subjects and names, and numbers.
CREATE INDEX threads_words ON threads USING gin (to_tsvector('simple', coalesce(subject, '')));
CREATE INDEX threads_names ON threads
    USING gin (to_tsvector('simple', coalesce(requester_name, '')));
CREATE INDEX threads_by_number ON threads (right(replace(ticket::text, '-', ''), 15));

COMMENT ON COLUMN threads.address IS 'of the requester, for agents';
COMMENT ON COLUMN threads.asked_plan IS
    'the plan that the customer asked for last, until an agent has dealt with it';
COMMENT ON COLUMN threads.revision IS
    'counts everything that a page shows of the thread: pages that are open know by it what is new';
COMMENT ON COLUMN threads.urgency IS
    '0 breached, 1 at risk, 2 a clock runs, 3 nothing runs: from the clocks, for the inbox';
COMMENT ON COLUMN threads.next_due_at IS 'of the clock that is due next, or was due first';
COMMENT ON COLUMN threads.waiting_since IS
    'when the customer wrote what nobody has answered yet, whether a clock runs for it or not';

COMMENT ON COLUMN threads.changes IS
    'how often anything about it was set: the id of each such event follows from it';
COMMENT ON COLUMN threads.closed_by IS
    'what a customer closed a customer may open again; what an agent closed is closed for good';
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
    asks_for_plan text,
    came_to uuid,
    -- Words as they are, and by their English stems: what is searched for is looked up both ways.
    words tsvector GENERATED ALWAYS AS
        (to_tsvector('simple', text) || to_tsvector('english', text)) STORED,
    UNIQUE (ticket, sequence)
);

-- When was a customer answered last?
CREATE INDEX messages_of_agents ON messages (ticket, posted_at)
    WHERE author_kind = 'agent' AND visibility = 'public';
CREATE INDEX messages_by_words ON messages USING gin (words);

COMMENT ON COLUMN messages.came_to IS
    'the ticket that its author wrote to, where that had gone into this one';
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
    plan text NOT NULL,
    catalogue_version text NOT NULL,
    calendar text NOT NULL,
    started_at timestamptz NOT NULL,
    target_seconds integer NOT NULL,
    left_seconds double precision,
    PRIMARY KEY (ticket, clock, cycle)
);

COMMENT ON COLUMN clocks.due_at IS 'none while the clock stands still';
COMMENT ON COLUMN clocks.left_seconds IS 'working time that is left while it stands still';

-- The plans of accounts, as sla says them; one may begin in the future.
CREATE TABLE account_plans (
    change uuid PRIMARY KEY,
    account text NOT NULL,
    plan text NOT NULL,
    since timestamptz NOT NULL,
    changed_at timestamptz NOT NULL
);

CREATE INDEX account_plans_by_account ON account_plans (account, since DESC, changed_at DESC);

-- Changes of plan that agents asked for, until sla has answered.
CREATE TABLE plan_requests (
    request uuid PRIMARY KEY,
    ticket uuid NOT NULL,
    account text NOT NULL,
    plan text NOT NULL,
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL,
    declined text
);

CREATE INDEX plan_requests_by_ticket ON plan_requests (ticket, requested_at DESC);
CREATE INDEX plan_requests_by_account ON plan_requests (account);

CREATE TABLE acknowledgements (
    ticket uuid PRIMARY KEY,
    sent_at timestamptz NOT NULL
);
