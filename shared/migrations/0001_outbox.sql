-- Events that were decided with a transaction and wait for the relay to publish them.
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    key text NOT NULL,
    value bytea NOT NULL,
    appended_at timestamptz NOT NULL DEFAULT now()
);

-- Every row is deleted soon after it was written: vacuum early, so that the head stays short.
ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 5000);
