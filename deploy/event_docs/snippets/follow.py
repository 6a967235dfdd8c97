"""Prints what is said of tickets, each event once; Ctrl-C ends it."""

import json
import sys

from confluent_kafka import Consumer

SERVERS = sys.argv[1] if len(sys.argv) > 1 else "localhost:8108"  # that of `make run`

consumer = Consumer(
    {
        "bootstrap.servers": SERVERS,
        "group.id": "my-own-group",
        "auto.offset.reset": "earliest",
    }
)
consumer.subscribe([f"careline.{name}" for name in ("tickets", "messages", "sla")])
seen = set()  # keep it where it survives, if each event must count once
try:
    while True:
        message = consumer.poll(1.0)
        if message is None or message.error() or not (value := message.value()):
            continue
        event = json.loads(value)
        if event["id"] in seen:
            continue
        seen.add(event["id"])
        match event["type"]:
            case "careline.ticket.created.v1":
                print(event["time"], event["subject"], "by", event["data"]["channel"])
            case "careline.deadline.breached.v1":
                late = event["data"]["overdue_seconds"]
                print(event["time"], event["subject"], event["data"]["clock"], f"late: {late} s")
            case _:
                pass  # a type that this reader doesn't need, or doesn't know
except KeyboardInterrupt:
    consumer.close()
