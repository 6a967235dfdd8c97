"""A real HTTP server inside the test, which keeps what is posted and answers as it is told to."""

import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Reply:
    """What is answered; `hang` answers nothing until the end, `close` never."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"ok"
    hang: bool = False
    close: bool = False
    drip: bool = False
    """The status comes at once, the body never."""


@dataclass(frozen=True)
class Post:
    """What came in."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    peer: int
    """The port that it came from: one for each connection."""

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON
        """The body."""
        return json.loads(self.body)


@dataclass
class Hook:
    """Where to post, and what came."""

    port: int = 0
    scheme: str = "http"
    replies: dict[str, Reply] = field(default_factory=dict)
    """By path; anything else is answered with `default`."""
    default: Reply = field(default_factory=Reply)
    posts: list[Post] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str = "/") -> str:
        """An address of it."""
        return f"{self.scheme}://127.0.0.1:{self.port}{path}"

    def to(self, path: str) -> list[Post]:
        """What came in at one address."""
        return [post for post in list(self.posts) if post.path == path]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hook: Hook

    def do_POST(self) -> None:
        length = int(self.headers["content-length"])
        headers = {name.lower(): value for name, value in self.headers.items()}
        post = Post(self.path, headers, self.rfile.read(length), self.client_address[1])
        self.hook.posts.append(post)
        reply = self.hook.replies.get(self.path, self.hook.default)
        if reply.hang:
            self.hook.over.wait(60)
        if reply.hang or reply.close:
            self.close_connection = True
            return
        self._answer(reply)

    do_GET = do_POST  # a redirect that was followed would come so  # noqa: N815 - as above

    def _answer(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(reply.body)))
        self.end_headers()
        self.wfile.flush()
        if reply.drip:
            self.hook.over.wait(60)
        self.wfile.write(reply.body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 100

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is part of the test."""


@contextmanager
def running_hook(tls: ssl.SSLContext | None = None) -> Iterator[Hook]:
    """Serve on 127.0.0.1 until the end of the block."""
    hook = Hook(scheme="https" if tls else "http")
    handler = type("Handler", (_Handler,), {"hook": hook})
    server = _Server(("127.0.0.1", 0), handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    hook.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hook
    finally:
        hook.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
