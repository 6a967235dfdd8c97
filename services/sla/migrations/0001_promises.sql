-- Which plan an account has been on since when. The latest one that has begun counts.
CREATE TABLE plan_changes (
    id uuid PRIMARY KEY,
    account text NOT NULL,
    plan text NOT NULL,
    previous text,
    since timestamptz NOT NULL,
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL,
    led_by uuid
);
CREATE INDEX plan_changes_by_account ON plan_changes (account, since DESC, changed_at DESC);

COMMENT ON COLUMN plan_changes.led_by IS 'the event that led to it, if an agent asked for it';

-- Changes of plan that agents asked for, and that were made or declined: a repeat does nothing.
CREATE TABLE plan_requests (
    request uuid PRIMARY KEY,
    ticket uuid NOT NULL
);

-- Every catalogue that promises were made by, as it was written: what was promised by an earlier
-- version is counted by that version.
CREATE TABLE catalogues (
    version text PRIMARY KEY,
    text text NOT NULL,
    adopted_at timestamptz NOT NULL
);

-- A ticket, and how it began. One of which a fact was heard before its beginning has only a
-- partition as yet.
CREATE TABLE tickets (
    ticket uuid PRIMARY KEY,
    partition integer NOT NULL,
    opened_by_event uuid,
    opened_at timestamptz,
    opened_by_agent boolean,
    account text,
    priority text,
    plan text,
    plan_change uuid,
    catalogue_version text,
    status text NOT NULL DEFAULT 'open'
        CHECK (status IN ('open', 'pending', 'on_hold', 'resolved', 'closed')),
    moved_to text,
    traceparent text,
    CHECK (
        num_nulls(
            opened_by_event, opened_at, opened_by_agent, account, priority, plan, catalogue_version
        ) IN (0, 7)
    )
);
CREATE INDEX tickets_by_account ON tickets (account, ticket) WHERE status <> 'closed';

COMMENT ON COLUMN tickets.account IS 'whose plan counts; empty where no account was proved';
COMMENT ON COLUMN tickets.plan_change IS 'which change had put the account onto that plan';
COMMENT ON COLUMN tickets.moved_to IS 'the catalogue version that its clocks were moved to last';
COMMENT ON COLUMN tickets.plan IS 'the plan by which it was slotted; later ones are plan_changes';

-- What happened to a ticket that its clocks go by. The same fact comes again with the same id.
CREATE TABLE facts (
    ticket uuid NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL
        CHECK (kind IN ('catalogue', 'priority', 'status', 'customer_message', 'agent_message')),
    at timestamptz NOT NULL,
    value text NOT NULL,
    PRIMARY KEY (ticket, id)
);

-- No foreign key: whoever writes a deadline holds its ticket's row, and a check per row costs.
CREATE TABLE deadlines (
    ticket uuid NOT NULL,
    clock text NOT NULL
        CHECK (clock IN ('first_response', 'next_response', 'update', 'resolution')),
    cycle integer NOT NULL CHECK (cycle >= 1),
    partition integer NOT NULL,
    revision integer NOT NULL CHECK (revision >= 1),
    state text NOT NULL
        CHECK (state IN ('running', 'paused', 'met', 'cancelled', 'breached')),
    plan text NOT NULL,
    catalogue_version text NOT NULL,
    calendar text NOT NULL,
    started_at timestamptz NOT NULL,
    target_seconds integer NOT NULL CHECK (target_seconds > 0),
    pauses jsonb NOT NULL,
    due_at timestamptz CHECK (due_at >= started_at),
    warn_at jsonb NOT NULL,
    warned integer NOT NULL CHECK (warned >= 0),
    fires_at timestamptz,
    ended_at timestamptz,
    last_event uuid NOT NULL,
    correlation uuid NOT NULL,
    traceparent text,
    PRIMARY KEY (ticket, clock, cycle),
    CHECK ((state = 'running') = (fires_at IS NOT NULL)),
    CHECK ((state IN ('met', 'cancelled', 'breached')) = (ended_at IS NOT NULL)),
    CHECK (state NOT IN ('running', 'breached') OR due_at IS NOT NULL),
    CHECK (state <> 'paused' OR due_at IS NULL)
);
-- The timer's only question: what of my partitions fires next?
CREATE INDEX deadlines_to_fire ON deadlines (partition, fires_at) WHERE state = 'running';

COMMENT ON COLUMN deadlines.pauses IS 'pairs of instants; the last one may have no end yet';
COMMENT ON COLUMN deadlines.warn_at IS 'the warning points that are still to come';

-- Long work: what a plan change or a move to another catalogue does to the tickets that it concerns,
-- page by page in the order of their ids.
CREATE TABLE recounts (
    id uuid PRIMARY KEY,
    account text,
    from_version text,
    to_version text,
    due_at timestamptz NOT NULL,
    asked_by text NOT NULL,
    asked_at timestamptz NOT NULL,
    after uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    tickets bigint NOT NULL DEFAULT 0,
    done_at timestamptz,
    CHECK ((account IS NULL) <> (to_version IS NULL))
);
CREATE INDEX recounts_to_do ON recounts (due_at) WHERE done_at IS NULL;
