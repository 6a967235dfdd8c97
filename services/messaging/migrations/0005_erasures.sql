-- People who were to be forgotten, and what became of it. Nothing here says who they were.
CREATE TABLE erasures (
    id uuid PRIMARY KEY,
    persons text[] NOT NULL,
    asked_by text NOT NULL,
    asked_at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'asked' CHECK (state IN ('asked', 'locked', 'erased')),
    keys uuid[] NOT NULL DEFAULT '{}',
    removed jsonb NOT NULL DEFAULT '{}',
    erased_at timestamptz,
    nudged_at timestamptz,
    keys_gone_at timestamptz
);
CREATE INDEX erasures_by_time ON erasures (asked_at, id);
CREATE INDEX erasures_under_way ON erasures (asked_at) WHERE state <> 'erased';
CREATE INDEX erasures_to_look_after ON erasures (asked_at) WHERE keys_gone_at IS NULL;

COMMENT ON COLUMN erasures.state IS
    'asked; locked: their keys were thrown away, and rows are being taken away; erased';
COMMENT ON COLUMN erasures.removed IS 'how much of what messaging has taken away so far';
COMMENT ON COLUMN erasures.nudged_at IS 'when tombstones were last said once more';
COMMENT ON COLUMN erasures.keys_gone_at IS 'when the log of keys was seen without them';

-- What other services said that they took away.
CREATE TABLE erasure_reports (
    erasure uuid NOT NULL,
    service text NOT NULL,
    removed jsonb NOT NULL,
    done_at timestamptz NOT NULL,
    PRIMARY KEY (erasure, service)
);

ALTER TABLE threads ADD COLUMN erased_at timestamptz;
ALTER TABLE messages ADD COLUMN erased_at timestamptz;
COMMENT ON COLUMN threads.erased_at IS 'when all that told of its requester was taken away';
COMMENT ON COLUMN messages.erased_at IS 'when its words and files were taken away';

ALTER TABLE attachment_parts ADD COLUMN person text NOT NULL DEFAULT '';
COMMENT ON COLUMN attachment_parts.person IS 'whose it is: a part may come before its message';

-- Who wrote into threads of others?
CREATE INDEX messages_by_author ON messages (author)
    WHERE author_kind <> 'agent' AND erased_at IS NULL;
