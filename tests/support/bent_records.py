"""Records that no careful client writes, but that a broker takes and keeps."""

import asyncio

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record._crc32c import crc
from aiokafka.record.default_records import DefaultRecordBatchBuilder

PLACEHOLDER = "a-name-of-no-header"
CRC_AT, CRC_COVERS_FROM = 17, 21  # Kafka's record batch, version 2


def batch_with_bent_header_name() -> bytes:
    """A batch of one record with a header whose name is Latin-1: C clients write what they get."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 16_384)
    builder.append(0, timestamp=None, key=b"key", value=b"{}", headers=[(PLACEHOLDER, b"")])
    batch = bytearray(builder.build())
    bent = "für-wen".encode("latin-1").ljust(len(PLACEHOLDER), b"-")
    place = batch.index(PLACEHOLDER.encode())
    batch[place : place + len(bent)] = bent
    batch[CRC_AT:CRC_COVERS_FROM] = crc(batch[CRC_COVERS_FROM:]).to_bytes(4, "big")
    return bytes(batch)


async def append_batch(bootstrap_servers: str, topic: str, partition: int, batch: bytes) -> None:
    """Have the broker append a batch as it is."""
    client = AIOKafkaClient(bootstrap_servers=bootstrap_servers)
    await client.bootstrap()
    try:
        await client.add_topic(topic)
        node = client.cluster.leader_for_partition(TopicPartition(topic, partition))
        request = ProduceRequest(
            transactional_id=None,
            required_acks=-1,
            timeout=10_000,
            topics=[(topic, [(partition, batch)])],
        )
        answer = await client.send(node, request)
    finally:
        await client.close()
    ((_, ((_, error, *_),)),) = answer.topics
    assert error == 0, f"the broker answers with error {error}"
    await asyncio.sleep(0)
