-- Tickets that were slotted by what was learnt again, so that a backup's are told from them: those
-- have their beginning, whether the stream keeps it or not.
CREATE TABLE relearnt_slots (
    ticket uuid PRIMARY KEY
);
-- Of a rebuild that is under way all tickets are learnt again.
INSERT INTO relearnt_slots
SELECT ticket FROM tickets
WHERE opened_at IS NOT NULL AND EXISTS (SELECT FROM rebuild WHERE finished_at IS NULL);
