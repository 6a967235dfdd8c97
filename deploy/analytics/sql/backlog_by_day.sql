-- Open tickets over time
-- How many tickets were open at the end of each of the last 90 days, how old they were then, and the
-- age of the oldest in hours. The last line is this moment.
WITH first_day AS (
    SELECT local_time(min(created_at))::DATE AS day FROM tickets HAVING day IS NOT NULL
),
days AS (
    SELECT unnest(generate_series(
        greatest(day, local_time(as_of())::DATE - 89), local_time(as_of())::DATE, INTERVAL 1 DAY
    ))::DATE AS day
    FROM first_day
),
moments AS (
    SELECT
        day,
        least((day + 1)::TIMESTAMP AT TIME ZONE getvariable('zone'), as_of()) AS moment
    FROM days
),
open_spells AS (
    SELECT ticket, since, coalesce(until, 'infinity') AS until
    FROM ticket_statuses
    WHERE status NOT IN ('resolved', 'closed')
),
open_then AS (
    SELECT day, moment, epoch(moment - created_at) / 3600 AS hours
    FROM moments
    JOIN open_spells ON since <= moment AND moment < until
    JOIN tickets USING (ticket)
)
SELECT
    strftime(day, '%Y-%m-%d') AS day,
    count(hours) AS open_tickets,
    count(*) FILTER (hours < 24) AS under_1_day,
    count(*) FILTER (hours >= 24 AND hours < 72) AS under_3_days,
    count(*) FILTER (hours >= 72 AND hours < 168) AS under_7_days,
    count(*) FILTER (hours >= 168) AS older,
    round(max(hours), 1) AS oldest_hours
FROM moments
LEFT JOIN open_then USING (day)
GROUP BY day
ORDER BY day;
