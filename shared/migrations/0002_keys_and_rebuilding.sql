-- A tombstone has no value.
ALTER TABLE outbox ALTER COLUMN value DROP NOT NULL;

-- Keys that seal personal data on the stream, wrapped with the desk's secret.
CREATE TABLE stream_keys (
    id uuid PRIMARY KEY,
    person text NOT NULL,
    wrapped bytea,
    made_at timestamptz NOT NULL,
    own boolean NOT NULL DEFAULT false
);
CREATE INDEX stream_keys_by_person ON stream_keys (person, made_at) WHERE wrapped IS NOT NULL;

COMMENT ON COLUMN stream_keys.wrapped IS 'none once it was thrown away';
COMMENT ON COLUMN stream_keys.own IS 'made here: its record may not have been heard elsewhere yet';

-- How far the topic of keys was read.
CREATE TABLE stream_key_positions (
    partition integer PRIMARY KEY,
    next_offset bigint NOT NULL
);

-- Up to where a new database hears what its service itself had said: shared/rebuilding.py.
CREATE TABLE rebuild_horizon (
    topic text NOT NULL,
    partition integer NOT NULL,
    until_offset bigint NOT NULL,
    next_offset bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (topic, partition)
);

CREATE TABLE rebuild (
    begun_at timestamptz NOT NULL,
    finished_at timestamptz
);
CREATE UNIQUE INDEX rebuild_is_one ON rebuild ((true));

COMMENT ON COLUMN rebuild_horizon.until_offset IS 'where the topic ended when the database was new';
COMMENT ON COLUMN rebuild_horizon.next_offset IS 'up to where it was heard; beyond the horizon it stands';
