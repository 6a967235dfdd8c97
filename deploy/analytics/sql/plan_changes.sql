-- Changes of plan
-- Which plans accounts left and took, by the week in which it was entered. The stream does not say
-- which plan is above which: `direction` is up where the new one promises an earlier first response
-- at normal priority than the old, by what tickets were last told; it is unknown until both were.
WITH promised AS (
    SELECT
        data->>'$.plan' AS plan,
        arg_max(
            list_min([
                (target->>'$.target_seconds')::BIGINT
                FOR target IN (data->'$.targets')::JSON[]
                IF (target->>'$.clock') = 'first_response'
            ]),
            (time, "offset")
        ) AS seconds,
        arg_max(json_array_length(data->'$.targets'), (time, "offset")) AS targets
    FROM events
    WHERE type = 'careline.ticket.slotted.v1' AND data->>'$.priority' = 'normal'
    GROUP BY plan
),
ranked AS (
    -- A plan without any promise is below all others.
    SELECT plan, CASE WHEN targets = 0 THEN 1e12 ELSE seconds END AS seconds FROM promised
),
changed AS (
    SELECT week_of(changed) AS week, previous, plan FROM account_plans
)
SELECT
    week,
    coalesce(previous, 'none before') AS previous_plan,
    changed.plan,
    CASE
        WHEN previous IS NULL THEN 'new'
        WHEN after.seconds < before.seconds THEN 'up'
        WHEN after.seconds > before.seconds THEN 'down'
        WHEN after.seconds = before.seconds THEN 'level'
        ELSE 'unknown'
    END AS direction,
    count(*) AS accounts
FROM changed
LEFT JOIN ranked AS before ON before.plan = changed.previous
LEFT JOIN ranked AS after ON after.plan = changed.plan
GROUP BY week, previous_plan, changed.plan, direction
ORDER BY week, previous_plan, changed.plan;
