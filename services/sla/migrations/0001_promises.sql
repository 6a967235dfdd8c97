-- Which plan an account has been on since when. The latest one that has begun counts.
CREATE TABLE plan_changes (
    id uuid PRIMARY KEY,
    account text NOT NULL,
    plan text NOT NULL,
    previous text,
    since timestamptz NOT NULL,
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL
);
CREATE INDEX plan_changes_by_account ON plan_changes (account, since DESC, changed_at DESC);

-- What was heard of a ticket. An answer may be heard before the ticket itself.
CREATE TABLE tickets (
    ticket uuid PRIMARY KEY,
    partition integer NOT NULL,
    created_at timestamptz,
    answered_at timestamptz,
    account text,
    plan text,
    priority text,
    catalogue_version text
);

CREATE TABLE deadlines (
    ticket uuid NOT NULL REFERENCES tickets (ticket) ON DELETE CASCADE,
    clock text NOT NULL
        CHECK (clock IN ('first_response', 'next_response', 'update', 'resolution')),
    cycle integer NOT NULL CHECK (cycle >= 1),
    partition integer NOT NULL,
    state text NOT NULL CHECK (state IN ('running', 'met', 'breached')),
    plan text NOT NULL,
    catalogue_version text NOT NULL,
    started_at timestamptz NOT NULL,
    target_seconds integer NOT NULL CHECK (target_seconds > 0),
    due_at timestamptz NOT NULL CHECK (due_at >= started_at),
    warn_at timestamptz CHECK (warn_at < due_at),
    fires_at timestamptz NOT NULL,
    ended_at timestamptz,
    scheduled_by uuid NOT NULL,
    correlation uuid NOT NULL,
    traceparent text,
    PRIMARY KEY (ticket, clock, cycle),
    CHECK ((state = 'running') = (ended_at IS NULL))
);
-- The timer's only question: what of my partitions fires next?
CREATE INDEX deadlines_to_fire ON deadlines (partition, fires_at) WHERE state = 'running';
