-- Reopened tickets
-- How often tickets were resolved or closed in each week, and how often one that was over was opened
-- again: each time counts.
SELECT
    week_of(since) AS week,
    count(*) FILTER (
        status IN ('resolved', 'closed') AND previous NOT IN ('resolved', 'closed')
    ) AS ended,
    count(*) FILTER (
        status NOT IN ('resolved', 'closed') AND previous IN ('resolved', 'closed')
    ) AS reopened,
    count(DISTINCT ticket) FILTER (
        status NOT IN ('resolved', 'closed') AND previous IN ('resolved', 'closed')
    ) AS tickets_reopened
FROM ticket_statuses
WHERE previous IS NOT NULL
GROUP BY week
HAVING ended > 0 OR reopened > 0
ORDER BY week;
