-- While this database is rebuilt: what messaging had said itself and the mails that it had heard,
-- until each thread is put together again of all that was said of it. Empty ever after.
CREATE TABLE remembered (
    event uuid PRIMARY KEY,
    ticket uuid NOT NULL,
    mail uuid,
    value bytea NOT NULL,
    arrival bigint GENERATED ALWAYS AS IDENTITY
);

CREATE INDEX remembered_by_ticket ON remembered (ticket) WHERE mail IS NULL;
CREATE INDEX remembered_mails ON remembered (arrival) WHERE mail IS NOT NULL;

COMMENT ON COLUMN remembered.mail IS 'the message of a mail; whether it was posted shows at the end';
COMMENT ON COLUMN remembered.value IS 'the event, its personal part open';
