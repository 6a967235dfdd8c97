"""`python -m benchmarks.bare_chats PORT`: chats as a bare loop, which keeps and promises nothing.

What is posted to `/3` is written to whoever reads `/3`: no database, nobody is asked who they are.
"""

import asyncio
import json
import sys

_OPEN = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nretry: 1000\n\n"
_TAKEN = b"HTTP/1.1 204 No Content\r\n\r\n"


class Chats:
    """Who reads what."""

    def __init__(self) -> None:
        self._readers: dict[str, asyncio.StreamWriter] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection."""
        try:
            while request := await reader.readline():
                method, path, _ = request.decode().split(" ")
                body = await reader.readexactly(await _length(reader))
                if method == "GET":
                    self._readers[path] = writer
                    writer.write(_OPEN)
                else:
                    self._tell(path, body)
                    writer.write(_TAKEN)
        finally:
            writer.close()

    def _tell(self, path: str, body: bytes) -> None:
        html = json.loads(body)["text"]
        said = json.dumps({"do": "append", "html": html})
        self._readers[path].write(f"event: patch\ndata: {said}\n\n".encode())


async def _length(reader: asyncio.StreamReader) -> int:
    length = 0
    while (line := await reader.readline()).strip():
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return length


async def _main(port: int) -> None:
    server = await asyncio.start_server(Chats().serve, "127.0.0.1", port, backlog=2048)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1])))
