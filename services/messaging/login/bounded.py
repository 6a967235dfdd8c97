"""Answers of others, read up to a size."""

from collections.abc import AsyncIterator

import httpx2

MOST = 1024 * 1024
"""Bytes of an answer; what a provider publishes is a hundredth of it."""


async def bounded(response: httpx2.Response) -> None:
    """Hold an answer to its size, before any of it is read: a hook of the HTTP client.

    Raises:
        httpx2.DecodingError: it is packed although nobody asked for that, and could unpack to
            any size.
    """
    if response.headers.get("content-encoding", "identity") != "identity":
        raise httpx2.DecodingError("it is packed", request=response.request)
    assert isinstance(response.stream, httpx2.AsyncByteStream)  # noqa: S101 - of an AsyncClient
    response.stream = _Bounded(response.stream)


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._stream:
            size += len(chunk)
            if size > MOST:
                raise httpx2.DecodingError(f"it has more than {MOST} bytes")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
