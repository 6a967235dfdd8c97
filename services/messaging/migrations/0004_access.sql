-- Who may see and write which rows, whatever a query forgets.
--
-- Everything that is done for a customer runs as careline_customer, by SET LOCAL ROLE, with
-- settings that say whose rows these are: careline.account, careline.requester and
-- careline.tickets (opened by a link; separated by commas). Without them nothing is theirs.
-- careline.reader is under which name it is kept how far they have read.
-- The owner of the tables is the desk itself: its agents and its consumers.
--
-- A policy without WITH CHECK holds what is written to its USING. Subqueries are held to the
-- policies of their own tables. A table that is not named here is nobody's but the desk's.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'careline_customer') THEN
        CREATE ROLE careline_customer NOLOGIN;
        GRANT careline_customer TO CURRENT_USER WITH INHERIT FALSE, SET TRUE;
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'the role careline_customer is missing' USING HINT = format(
        'As an administrator: CREATE ROLE careline_customer NOLOGIN; '
        'GRANT careline_customer TO %I WITH INHERIT FALSE, SET TRUE;', current_user);
END
$$;

GRANT USAGE ON SCHEMA public TO careline_customer;
GRANT SELECT ON threads, messages, attachments, attachment_parts, slots, clocks, acknowledgements,
    account_plans, plan_requests, reads, articles, article_words TO careline_customer;
GRANT INSERT ON messages, attachments, attachment_parts, reads, outbox TO careline_customer;
GRANT UPDATE (last_sequence, status, closed_by, changes, changed_at, revision, asked_plan, urgency,
    next_due_at, waiting_since, last_message_at) ON threads TO careline_customer;
GRANT UPDATE (state) ON attachments TO careline_customer;
GRANT UPDATE (sequence, read_at) ON reads TO careline_customer;

ALTER TABLE threads ENABLE ROW LEVEL SECURITY;
ALTER TABLE threads FORCE ROW LEVEL SECURITY;
CREATE POLICY desk ON threads TO CURRENT_USER USING (true);
-- Anybody can name an account in an open form: a ticket is the account's only where that was proved.
CREATE POLICY customer ON threads TO careline_customer USING (
    (account_verified AND account = (SELECT nullif(current_setting('careline.account', true), '')))
    OR requester = (SELECT nullif(current_setting('careline.requester', true), ''))
    OR ticket = ANY (
        (SELECT string_to_array(nullif(current_setting('careline.tickets', true), ''), ','))::uuid[]
    )
);

ALTER TABLE messages ENABLE ROW LEVEL SECURITY;
ALTER TABLE messages FORCE ROW LEVEL SECURITY;
CREATE POLICY desk ON messages TO CURRENT_USER USING (true);
CREATE POLICY customer ON messages TO careline_customer
    USING (
        visibility = 'public'
        AND EXISTS (SELECT FROM threads AS t WHERE t.ticket = messages.ticket)
    )
    WITH CHECK (
        visibility = 'public' AND author_kind = 'customer'
        AND EXISTS (SELECT FROM threads AS t WHERE t.ticket = messages.ticket)
    );

ALTER TABLE attachments ENABLE ROW LEVEL SECURITY;
ALTER TABLE attachments FORCE ROW LEVEL SECURITY;
CREATE POLICY desk ON attachments TO CURRENT_USER USING (true);
CREATE POLICY customer ON attachments TO careline_customer USING (
    EXISTS (
        SELECT FROM messages AS m
        WHERE m.id = attachments.message AND m.ticket = attachments.ticket
    )
);

ALTER TABLE attachment_parts ENABLE ROW LEVEL SECURITY;
ALTER TABLE attachment_parts FORCE ROW LEVEL SECURITY;
CREATE POLICY desk ON attachment_parts TO CURRENT_USER USING (true);
CREATE POLICY customer ON attachment_parts TO careline_customer USING (
    EXISTS (SELECT FROM attachments AS a WHERE a.id = attachment_parts.attachment)
);

ALTER TABLE reads ENABLE ROW LEVEL SECURITY;
ALTER TABLE reads FORCE ROW LEVEL SECURITY;
CREATE POLICY desk ON reads TO CURRENT_USER USING (true);
CREATE POLICY customer ON reads TO careline_customer USING (
    reader = (SELECT nullif(current_setting('careline.reader', true), ''))
    AND EXISTS (SELECT FROM threads AS t WHERE t.ticket = reads.ticket)
);

ALTER TABLE slots ENABLE ROW LEVEL SECURITY;
ALTER TABLE slots FORCE ROW LEVEL SECURITY;
CREATE POLICY desk ON slots TO CURRENT_USER USING (true);
CREATE POLICY customer ON slots TO careline_customer USING (
    EXISTS (SELECT FROM threads AS t WHERE t.ticket = slots.ticket)
);

ALTER TABLE clocks ENABLE ROW LEVEL SECURITY;
ALTER TABLE clocks FORCE ROW LEVEL SECURITY;
CREATE POLICY desk ON clocks TO CURRENT_USER USING (true);
CREATE POLICY customer ON clocks TO careline_customer USING (
    EXISTS (SELECT FROM threads AS t WHERE t.ticket = clocks.ticket)
);

ALTER TABLE acknowledgements ENABLE ROW LEVEL SECURITY;
ALTER TABLE acknowledgements FORCE ROW LEVEL SECURITY;
CREATE POLICY desk ON acknowledgements TO CURRENT_USER USING (true);
CREATE POLICY customer ON acknowledgements TO careline_customer USING (
    EXISTS (SELECT FROM threads AS t WHERE t.ticket = acknowledgements.ticket)
);

ALTER TABLE account_plans ENABLE ROW LEVEL SECURITY;
ALTER TABLE account_plans FORCE ROW LEVEL SECURITY;
CREATE POLICY desk ON account_plans TO CURRENT_USER USING (true);
CREATE POLICY customer ON account_plans TO careline_customer USING (
    account = (SELECT nullif(current_setting('careline.account', true), ''))
    -- Anybody can name an account in a request; its plan is told to whose it is.
    OR EXISTS (
        SELECT FROM threads AS t WHERE t.account = account_plans.account AND t.account_verified
    )
);

ALTER TABLE plan_requests ENABLE ROW LEVEL SECURITY;
ALTER TABLE plan_requests FORCE ROW LEVEL SECURITY;
CREATE POLICY desk ON plan_requests TO CURRENT_USER USING (true);
CREATE POLICY customer ON plan_requests TO careline_customer USING (
    EXISTS (SELECT FROM threads AS t WHERE t.ticket = plan_requests.ticket)
);

-- What customers do is said of their own tickets alone. The owner is held to nothing here (no
-- FORCE): the relay empties this table for everybody.
ALTER TABLE outbox ENABLE ROW LEVEL SECURITY;
CREATE POLICY customer ON outbox FOR INSERT TO careline_customer WITH CHECK (
    topic IN ('tickets', 'messages', 'attachments')
    AND EXISTS (SELECT FROM threads AS t WHERE t.ticket = outbox.key::uuid)
);

-- Customers see who has a page of their tickets open, and whether any agent is here at all.
ALTER TABLE presences ENABLE ROW LEVEL SECURITY;
ALTER TABLE presences FORCE ROW LEVEL SECURITY;
CREATE POLICY desk ON presences TO CURRENT_USER USING (true);
CREATE POLICY customer ON presences TO careline_customer USING (
    EXISTS (SELECT FROM threads AS t WHERE t.ticket = presences.ticket)
);
GRANT SELECT ON presences TO careline_customer;

CREATE FUNCTION agents_since(since timestamptz) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
RETURN (
    SELECT count(DISTINCT person) FROM public.presences WHERE kind = 'agent' AND seen_at > since
);
REVOKE EXECUTE ON FUNCTION agents_since (timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION agents_since (timestamptz) TO careline_customer;
