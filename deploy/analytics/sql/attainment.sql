-- Promises kept
-- How many promises of each plan and clock were met and breached, by the ISO week in which they were
-- made. A breach that was retracted does not count; running ones count for neither side.
SELECT
    plan,
    clock,
    week_of(began) AS week,
    count(*) FILTER (state = 'met') AS met,
    count(*) FILTER (state = 'breached') AS breached,
    count(*) FILTER (state = 'cancelled') AS cancelled,
    count(*) FILTER (state IN ('running', 'paused')) AS still_running,
    round(100.0 * met / nullif(met + breached, 0), 1) AS met_percent
FROM deadlines
GROUP BY plan, clock, week
ORDER BY week, plan, clock;
