-- What most questions ask: deadlines, tickets, and the statuses that each ticket went through.
-- Written for reading: fields are taken out of `data` by their path; those that are missing are null.

-- How many of the instants and weeks below are shown: in this zone, and as of this moment.
CREATE OR REPLACE MACRO local_time(instant) AS instant AT TIME ZONE getvariable('zone');
CREATE OR REPLACE MACRO week_of(instant) AS strftime(local_time(instant), '%G-W%V');
CREATE OR REPLACE MACRO as_of() AS getvariable('as_of')::TIMESTAMP WITH TIME ZONE;

-- Everything that was said of every promise. One promise is one ticket, clock and cycle.
CREATE OR REPLACE VIEW deadline_events AS
SELECT
    id,
    type,
    time,
    subject AS ticket,
    data->>'$.clock' AS clock,
    (data->>'$.cycle')::BIGINT AS cycle,
    (data->>'$.revision')::BIGINT AS revision,
    data->>'$.state' AS state,
    data->>'$.plan' AS plan,
    data->>'$.calendar' AS calendar,
    (data->>'$.target_seconds')::BIGINT AS target_seconds,
    (data->>'$.started')::TIMESTAMP WITH TIME ZONE AS started,
    (data->>'$.due')::TIMESTAMP WITH TIME ZONE AS due,
    (data->>'$.met')::TIMESTAMP WITH TIME ZONE AS met_at,
    -- Working time used, pauses left out. Older records don't have it.
    TRY_CAST(data->>'$.elapsed_seconds' AS DOUBLE) AS elapsed_seconds
FROM events
WHERE type LIKE 'careline.deadline.%.v1';

-- How each promise stands: what was said last, by revision. A breach that was retracted is none,
-- since what takes it back has a higher revision and says how the promise stands in truth.
CREATE OR REPLACE VIEW deadlines AS
SELECT
    ticket,
    clock,
    cycle,
    max(revision) AS revision,
    arg_max(state, revision) AS state,
    arg_max(plan, revision) AS plan,
    arg_max(calendar, revision) AS calendar,
    arg_max(target_seconds, revision) AS target_seconds,
    min(started) AS began,
    -- What the last one does not say is not known: a paused promise has no due time.
    arg_max_null(due, revision) AS due,
    arg_max_null(met_at, revision) AS met_at,
    arg_max_null(elapsed_seconds, revision) AS elapsed_seconds,
    count(*) FILTER (type = 'careline.deadline.breach_retracted.v1') AS retractions
FROM deadline_events
GROUP BY ticket, clock, cycle;

-- Every status of every ticket: from when until when. The last one has no end.
CREATE OR REPLACE VIEW ticket_statuses AS
WITH said AS (
    SELECT subject AS ticket, time AS since, 'open' AS status, -1 AS place
    FROM events WHERE type = 'careline.ticket.created.v1'
    UNION ALL
    SELECT subject, time, data->>'$.status', "offset"
    FROM events WHERE type = 'careline.ticket.status_changed.v1'
)
SELECT
    ticket,
    status,
    lag(status) OVER ticket_in_order AS previous,
    since,
    lead(since) OVER ticket_in_order AS until
FROM said
WINDOW ticket_in_order AS (PARTITION BY ticket ORDER BY since, place);

-- Every ticket: when and how it came, and what is known of it last.
CREATE OR REPLACE VIEW tickets AS
WITH created AS (
    SELECT
        subject AS ticket,
        time AS created_at,
        data->>'$.account' AS account,
        data->>'$.channel' AS channel,
        data->>'$.priority' AS first_priority,
        coalesce(data->>'$.queue', 'support') AS first_queue
    FROM events WHERE type = 'careline.ticket.created.v1'
),
slotted AS (
    SELECT subject AS ticket, arg_max(data->>'$.plan', (time, "offset")) AS plan
    FROM events WHERE type = 'careline.ticket.slotted.v1' GROUP BY subject
),
assigned AS (
    SELECT subject AS ticket, arg_max(data->>'$.queue', (time, "offset")) AS queue
    FROM events WHERE type = 'careline.ticket.assigned.v1' GROUP BY subject
),
prioritised AS (
    SELECT subject AS ticket, arg_max(data->>'$.priority', (time, "offset")) AS priority
    FROM events WHERE type = 'careline.ticket.priority_changed.v1' GROUP BY subject
),
standing AS (
    SELECT ticket, status, since FROM ticket_statuses WHERE until IS NULL
)
SELECT
    ticket,
    created_at,
    account,
    channel,
    coalesce(priority, first_priority) AS priority,
    coalesce(queue, first_queue) AS queue,
    coalesce(plan, 'not slotted yet') AS plan,
    status,
    since AS status_since
FROM created
LEFT JOIN slotted USING (ticket)
LEFT JOIN assigned USING (ticket)
LEFT JOIN prioritised USING (ticket)
LEFT JOIN standing USING (ticket);

-- What was said last of each account. Kafka keeps no more than that of this topic, and the files
-- may have more: this view is the same of both.
CREATE OR REPLACE VIEW accounts AS
SELECT
    subject AS account,
    arg_max(data->>'$.plan', (appended_at, "offset")) AS plan,
    arg_max(data, (appended_at, "offset")) AS data,
    max(time) AS changed
FROM events
WHERE type = 'careline.account.plan_changed.v1'
GROUP BY subject;

-- Every change of plan: each record tells the account's whole history, so that the last one is
-- enough. Of accounts with very long ones the oldest changes may be left out.
CREATE OR REPLACE VIEW account_plans AS
WITH changes AS (
    SELECT account, changed, unnest(coalesce((data->'$.plans')::JSON[], [data::JSON])) AS change
    FROM accounts
)
SELECT
    account,
    change->>'$.change' AS change,
    change->>'$.plan' AS plan,
    change->>'$.previous' AS previous,
    (change->>'$.since')::TIMESTAMP WITH TIME ZONE AS since,
    coalesce((change->>'$.changed')::TIMESTAMP WITH TIME ZONE, changed) AS changed
FROM changes;
