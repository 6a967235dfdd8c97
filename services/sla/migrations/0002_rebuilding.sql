-- Whether a catalogue was said on the stream.
ALTER TABLE catalogues ADD COLUMN said boolean NOT NULL DEFAULT false;

-- A ticket of which the stream has no longer everything that its clocks were counted from: rebuilt,
-- it stands as it was said last. Nothing of it is counted again, and nothing fires.
ALTER TABLE tickets ADD COLUMN stands_as_said boolean NOT NULL DEFAULT false;

-- What is rebuilt fires only once it was settled; what stands as it was said, never.
DO $$
DECLARE
    found text;
BEGIN
    SELECT conname INTO STRICT found FROM pg_constraint
    WHERE conrelid = 'deadlines'::regclass AND contype = 'c'
        AND pg_get_constraintdef(oid) LIKE '%''running''%fires_at IS NOT NULL%';
    EXECUTE format('ALTER TABLE deadlines DROP CONSTRAINT %I', found);
END
$$;
ALTER TABLE deadlines ADD CHECK (state = 'running' OR fires_at IS NULL);

COMMENT ON COLUMN deadlines.fires_at IS
    'when the timer has to look next; none where nothing may fire';

-- Answered requests for what the account was on already: no change has their id.
ALTER TABLE plan_requests ALTER COLUMN ticket DROP NOT NULL;
ALTER TABLE plan_requests ADD COLUMN account text;
ALTER TABLE plan_requests ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY;
CREATE INDEX plan_requests_by_account ON plan_requests (account, number)
    WHERE account IS NOT NULL;

-- By how many partitions of the stream tickets and deadlines have their partition.
CREATE TABLE partitioning (
    partitions integer NOT NULL CHECK (partitions > 0),
    after uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    tickets bigint NOT NULL DEFAULT 0,
    done_at timestamptz
);
CREATE UNIQUE INDEX partitioning_is_one ON partitioning ((true));

COMMENT ON COLUMN partitioning.after IS 'the last ticket that was counted anew';

-- While a new database learns again what its service knew (services/sla/rebuilding.py): how tickets
-- began, what led to what was said of them, and what agents asked for. Empty once that is done.
CREATE TABLE relearnt_tickets (
    ticket uuid PRIMARY KEY,
    partition integer NOT NULL,
    opened_by_event uuid NOT NULL,
    opened_at timestamptz NOT NULL,
    opened_by_agent boolean NOT NULL,
    account text NOT NULL,
    priority text NOT NULL,
    traceparent text
);

CREATE TABLE relearnt_causes (
    ticket uuid NOT NULL,
    cause uuid NOT NULL,
    PRIMARY KEY (ticket, cause)
);

CREATE TABLE relearnt_requests (
    request uuid PRIMARY KEY,
    ticket uuid NOT NULL,
    position bigint GENERATED ALWAYS AS IDENTITY,
    value bytea NOT NULL
);

-- How far what was learnt again is settled.
CREATE TABLE relearning (
    after uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    is_settled boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX relearning_is_one ON relearning ((true));
INSERT INTO relearning DEFAULT VALUES;
