-- Whose a delivery is, and which messages a reply carries: NotificationSent and its like say both.
ALTER TABLE deliveries
    ADD COLUMN person text NOT NULL DEFAULT 'staff',
    ADD COLUMN messages uuid[] NOT NULL DEFAULT '{}',
    ADD COLUMN half_heard text CHECK (half_heard IN ('cause', 'outcome'));
UPDATE deliveries AS d SET person = t.requester FROM tickets AS t
WHERE t.ticket = d.ticket AND t.requester IS NOT NULL AND d.kind IN ('acknowledgement', 'reply');
UPDATE deliveries AS d SET messages = carried.messages
FROM (
    SELECT delivery, array_agg(message ORDER BY sequence, message) AS messages FROM messages
    WHERE delivery IS NOT NULL
    GROUP BY delivery
) AS carried
WHERE d.id = carried.delivery;
ALTER TABLE deliveries ALTER COLUMN person DROP DEFAULT;
CREATE INDEX deliveries_by_person ON deliveries (person) WHERE person <> 'staff';
CREATE INDEX deliveries_half_heard ON deliveries (id) WHERE half_heard = 'cause';

COMMENT ON COLUMN deliveries.person IS
    'pseudonym of the requester that it goes to; staff where it goes to people of ours';
COMMENT ON COLUMN deliveries.messages IS 'of a reply: what it carries, the earliest first';
COMMENT ON COLUMN deliveries.half_heard IS
    'in a rebuild: only the cause was heard so far, or only what became of it; see rebuilding.py';

-- Whose all else is that is personal.
ALTER TABLE tickets ADD COLUMN known_at timestamptz;
ALTER TABLE messages ADD COLUMN person text;
ALTER TABLE bounces ADD COLUMN person text;
UPDATE messages AS m SET person = t.requester FROM tickets AS t WHERE t.ticket = m.ticket;
CREATE INDEX tickets_by_requester ON tickets (requester);
CREATE INDEX messages_by_person ON messages (person);
CREATE INDEX received_by_requester ON received (requester);
CREATE INDEX bounces_by_person ON bounces (person);

COMMENT ON COLUMN tickets.known_at IS 'when the requester told us the address that stands here';
COMMENT ON COLUMN messages.person IS 'pseudonym of whose it is; what we write is whose who asked';

-- Mails that came back, as long as a rebuild may not have heard yet of what was sent.
CREATE TABLE waiting_bounces (
    event uuid PRIMARY KEY,
    ticket uuid NOT NULL,
    bounced_at timestamptz NOT NULL,
    heard jsonb NOT NULL,
    person text
);

COMMENT ON COLUMN waiting_bounces.heard IS 'the event, its personal part open';

-- Who asked to be forgotten: what is heard later, and is from before that, is kept without its
-- personal part.
CREATE TABLE erasures (
    request uuid PRIMARY KEY,
    asked_at timestamptz NOT NULL,
    heard jsonb,
    answered boolean NOT NULL
);
CREATE INDEX erasures_by_time ON erasures (asked_at);

COMMENT ON COLUMN erasures.heard IS 'the event, which names pseudonyms alone';
COMMENT ON COLUMN erasures.answered IS 'it was done, and said so';

-- As before; and what is known by its outcome alone has no words to send again.
CREATE OR REPLACE VIEW outdated AS
SELECT d.id AS delivery, CASE
    WHEN d.kind = 'breach_alert' AND EXISTS (
        SELECT FROM slips AS s WHERE s.event = d.caused_by AND s.retracted_by IS NOT NULL
    ) THEN 'breach_retracted'
    WHEN d.kind = 'at_risk_alert' AND EXISTS (
        SELECT FROM overtaken AS o
        WHERE o.ticket = d.ticket AND o.clock = d.clock AND o.cycle = d.cycle
          AND o.revision > (d.facts ->> 'revision')::integer
    ) THEN 'overtaken'
    WHEN d.kind = 'assignment' AND EXISTS (
        SELECT FROM tickets AS t WHERE t.ticket = d.ticket AND t.assignment <> d.caused_by
    ) THEN 'reassigned'
    WHEN d.address = '' OR d.half_heard = 'outcome' THEN 'forgotten'
    WHEN d.kind = 'reply' AND NOT EXISTS (
        SELECT FROM messages AS m WHERE m.delivery = d.id AND (m.text <> '' OR m.files <> '[]')
    ) THEN 'forgotten'
END AS reason
FROM deliveries AS d;
