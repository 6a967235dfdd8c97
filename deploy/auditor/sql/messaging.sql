GRANT SELECT (ticket) ON threads TO careline_auditor;
GRANT SELECT (id, appended_at) ON outbox TO careline_auditor;

-- Row-level security lets nobody through who is not named.
DROP POLICY IF EXISTS auditor ON threads;
CREATE POLICY auditor ON threads FOR SELECT TO careline_auditor USING (true);
DROP POLICY IF EXISTS auditor ON outbox;
CREATE POLICY auditor ON outbox FOR SELECT TO careline_auditor USING (true);
