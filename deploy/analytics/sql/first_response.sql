-- Working time to the first response
-- How much working time passed until the first response, per plan, in seconds; pauses are left out.
-- Of promises that were breached we know only that it took longer: they count with the working time
-- at the breach. A percentile that lies among them, or above the first of them, is a lower bound,
-- and `at_least` names it. Percentiles are values that occurred (nearest rank).
WITH ended AS (
    SELECT *, state = 'breached' AS late
    FROM deadlines
    WHERE clock = 'first_response' AND state IN ('met', 'breached')
),
counted AS (
    SELECT
        plan,
        count(*) FILTER (NOT late) AS answered_in_time,
        count(*) FILTER (late) AS breached,
        count(*) FILTER (elapsed_seconds IS NULL) AS without_working_time,
        quantile_disc(elapsed_seconds, 0.50) AS p50,
        quantile_disc(elapsed_seconds, 0.75) AS p75,
        quantile_disc(elapsed_seconds, 0.90) AS p90,
        quantile_disc(elapsed_seconds, 0.99) AS p99,
        min(elapsed_seconds) FILTER (late) AS first_late
    FROM ended
    GROUP BY plan
)
SELECT
    plan,
    answered_in_time,
    breached,
    without_working_time,
    p50,
    p75,
    p90,
    p99,
    concat_ws(
        ', ',
        CASE WHEN p50 >= first_late THEN 'p50' END,
        CASE WHEN p75 >= first_late THEN 'p75' END,
        CASE WHEN p90 >= first_late THEN 'p90' END,
        CASE WHEN p99 >= first_late THEN 'p99' END
    ) AS at_least
FROM counted
ORDER BY plan;
