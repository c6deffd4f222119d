"""A server of this machine for one test, in a thread of its own."""

import http.server
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def served(make: Callable[[], http.server.HTTPServer]) -> Iterator[str]:
    """Where it listens. The thread also makes it: the bank's file belongs to one thread."""
    ready: queue.Queue[http.server.HTTPServer] = queue.Queue()

    def run() -> None:
        with make() as server:
            ready.put(server)
            server.serve_forever(poll_interval=0.02)

    thread = threading.Thread(target=run)
    thread.start()
    server = ready.get(timeout=10)
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
