-- Open tickets now
-- How many tickets are open, pending or on hold at this moment, by queue and plan, and how old they
-- are: the time since they came, in hours that really passed.
WITH aged AS (
    SELECT *, epoch(as_of() - created_at) / 3600 AS hours
    FROM tickets
    WHERE status NOT IN ('resolved', 'closed') AND created_at <= as_of()
)
SELECT
    queue,
    plan,
    count(*) AS open_tickets,
    count(*) FILTER (hours < 1) AS under_1_hour,
    count(*) FILTER (hours >= 1 AND hours < 8) AS under_8_hours,
    count(*) FILTER (hours >= 8 AND hours < 24) AS under_1_day,
    count(*) FILTER (hours >= 24 AND hours < 72) AS under_3_days,
    count(*) FILTER (hours >= 72 AND hours < 168) AS under_7_days,
    count(*) FILTER (hours >= 168) AS older,
    round(max(hours), 1) AS oldest_hours
FROM aged
GROUP BY queue, plan
ORDER BY open_tickets DESC, queue, plan;
