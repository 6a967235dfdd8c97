-- In which trace an event was said, so that its record carries it on; none where nothing is traced.
ALTER TABLE outbox ADD COLUMN trace text;

COMMENT ON COLUMN outbox.trace IS 'W3C traceparent and, after a space, tracestate';
