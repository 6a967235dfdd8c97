"""Reads the stream into Parquet files, and answers questions of them: `python -m deploy.analytics`.

It is a reader like anybody's: it imports nothing of the desk, and knows of the stream what
`docs/events/` says. It reads `tickets`, `messages`, `sla`, `notifications`, `accounts` and
`privacy`, from the beginning; the content of attachments and keys it leaves alone.

**Files.** In the folder (`--folder`; `.careline/analytics` beside the desk's own data)::

    stream/tickets/0003/000000000000.parquet     topic, partition, first offset of the chunk
    stream/tickets/0003/000000050000.parquet     each chunk covers 50,000 offsets
    rejects/tickets/0003/000000000000.parquet    records that are no events, and why
    lock                                         held while one run reads

**Columns** of `stream/*/*/*.parquet`, a row for each record, in order of offsets:

    id             string       the event's id; a record that comes again has the same
    type           string       such as `careline.deadline.met.v1`
    time           timestamp    when it happened, UTC, microseconds
    subject        string       the ticket (the account on `accounts`)
    source         string       the service that said it
    correlationid  string       the ticket's first event
    causationid    string       the event that led to this one, or null
    topic          string       without the namespace: `sla`
    partition      int32
    offset         int64
    appended_at    timestamp    when the broker took it, UTC, milliseconds
    attributes     string       JSON object: whatever else stands in the envelope
    data           string       JSON object: what the event says, without `private`

Of `rejects`: `topic`, `partition`, `offset`, `appended_at`, `reason`, `size_bytes` and `sha256` of
the value. Its content is not kept: nobody knows whether it is personal.

**Views** (`deploy/analytics/views.py`): `records` are all rows, `events` each event once; one view
per type with a typed column for each field (`ticket_created`, `deadline_met`, … from
`docs/events/schemas/`), and `deadlines`, `tickets` and `ticket_statuses` for what most questions
ask. `views.sql` beside the report makes all of them in any DuckDB.

**Exactly once.** The files are the only state. Each says in its metadata up to which offset it
covers its chunk (`careline.next_offset`) and of which topic it is (`careline.topic_id`, by which
Kafka tells a topic from a later one of the same name). The open chunk is written anew beside its
place and then renamed, so that a run that is killed leaves what stood there before. What a file
holds follows from the records alone: read again from offset 0 it is the same, byte for byte.
"""
