-- Mails and alerts
-- What became of each kind of mail and alert, and how long those that were taken took, in seconds
-- from what caused them. `second_copies`: sent, and an earlier try may have arrived too.
SELECT
    data->>'$.kind' AS kind,
    data->>'$.channel' AS channel,
    count(*) FILTER (type = 'careline.notification.sent.v1') AS sent,
    count(*) FILTER (type = 'careline.notification.failed.v1') AS failed,
    count(*) FILTER (type = 'careline.notification.suppressed.v1') AS suppressed,
    count(*) FILTER ((data->>'$.second_copy_possible')::BOOLEAN) AS second_copies,
    quantile_disc((data->>'$.latency_seconds')::DOUBLE, 0.50) AS p50,
    quantile_disc((data->>'$.latency_seconds')::DOUBLE, 0.90) AS p90,
    quantile_disc((data->>'$.latency_seconds')::DOUBLE, 0.99) AS p99
FROM events
WHERE type IN (
    'careline.notification.sent.v1',
    'careline.notification.failed.v1',
    'careline.notification.suppressed.v1'
)
GROUP BY kind, channel
ORDER BY kind, channel;
