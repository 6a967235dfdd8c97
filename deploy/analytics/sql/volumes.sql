-- Tickets and messages
-- How many tickets came on each day of the last 90, by channel, and how many public messages
-- customers and agents wrote on it after that.
WITH came AS (
    SELECT local_time(created_at)::DATE AS day, channel, 'ticket' AS what FROM tickets
    UNION ALL
    SELECT local_time(time)::DATE, coalesce(data->>'$.channel', 'api'), data->>'$.author_kind'
    FROM events
    WHERE type = 'careline.message.posted.v1' AND data->>'$.visibility' = 'public'
)
SELECT
    strftime(day, '%Y-%m-%d') AS day,
    channel,
    count(*) FILTER (what = 'ticket') AS tickets,
    count(*) FILTER (what = 'customer') AS customer_messages,
    count(*) FILTER (what = 'agent') AS agent_messages
FROM came
WHERE day > local_time(as_of())::DATE - 90 AND day <= local_time(as_of())::DATE
GROUP BY day, channel
ORDER BY day, channel;
