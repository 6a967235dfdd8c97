-- What was read
-- Per topic: records that are events, repeats among them (an id that came before), records that are
-- no events, and from when to when the events are.
WITH events_of AS (
    SELECT
        topic,
        count(*) AS records,
        count(*) - count(DISTINCT id) AS repeats,
        min(time) AS first_time,
        max(time) AS last_time
    FROM records
    GROUP BY topic
),
rejects_of AS (
    SELECT topic, count(*) AS rejected FROM rejects GROUP BY topic
)
SELECT
    topic,
    coalesce(records, 0) AS records,
    coalesce(repeats, 0) AS repeats,
    coalesce(rejected, 0) AS rejected,
    strftime(local_time(first_time), '%Y-%m-%d %H:%M:%S') AS first_event,
    strftime(local_time(last_time), '%Y-%m-%d %H:%M:%S') AS last_event
FROM events_of
FULL JOIN rejects_of USING (topic)
ORDER BY topic;
