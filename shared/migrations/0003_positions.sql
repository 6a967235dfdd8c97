-- Up to where this database has what each partition says: shared/positions.py.
CREATE TABLE stream_positions (
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL,
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);

COMMENT ON COLUMN stream_positions.next_offset IS
    'everything before it was handled; moves with each batch, in its transaction';

-- What waited in the outbox of a backup: what is on the stream of it is taken out when it is heard.
CREATE TABLE restored_outbox (
    event uuid PRIMARY KEY,
    waits bigint NOT NULL
);

COMMENT ON COLUMN restored_outbox.waits IS 'its number in the outbox';

-- A database that came from a backup catches up as a new one does.
ALTER TABLE rebuild ADD COLUMN restored_at timestamptz;
ALTER TABLE rebuild ADD COLUMN lost_offsets bigint NOT NULL DEFAULT 0;

COMMENT ON COLUMN rebuild.restored_at IS 'when it was last found to be older than its group';
COMMENT ON COLUMN rebuild.lost_offsets IS
    'how many offsets the stream kept no longer of what it had yet to hear';
