GRANT SELECT (ticket, kind) ON deliveries TO careline_auditor;
GRANT SELECT (id, appended_at) ON outbox TO careline_auditor;
