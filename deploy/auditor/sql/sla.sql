GRANT SELECT (ticket, plan) ON tickets TO careline_auditor;
GRANT SELECT (ticket, clock, cycle, revision, state, due_at) ON deadlines TO careline_auditor;
GRANT SELECT (id, appended_at) ON outbox TO careline_auditor;
