-- In which trace a delivery was planned: it is sent later, and belongs there. Only where traces are
-- taken; a table of its own, so that a version that knows nothing of it reads deliveries as ever.
CREATE TABLE traces (
    delivery uuid PRIMARY KEY REFERENCES deliveries (id) ON DELETE CASCADE,
    trace text NOT NULL
);

COMMENT ON COLUMN traces.trace IS 'W3C traceparent and, after a space, tracestate';
