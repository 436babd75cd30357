"""A TCP proxy that freezes or cuts the connections of a server at 127.0.0.1."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable


class FreezingProxy:
    """A TCP proxy, in a thread of its own, before a server at 127.0.0.1.

    `freeze` leaves every connection open and silent, as it is when a host loses its power or its network; connections
    made later work. `freeze_answers` still passes on what clients write. `cut` breaks every connection and refuses new
    ones until `mend`.
    """

    def __init__(self, server_port: int, tls: ssl.SSLContext | None = None) -> None:
        """With `tls`, clients have to speak TLS; the server is still asked without."""
        self._server_port = server_port
        self._requested, self._answered = 0, 0  # how often each direction was frozen
        self._is_cut = False
        self._open: set[asyncio.StreamWriter] = set()
        self._connections: set[asyncio.Task[None] | None] = set()
        """Nothing else refers to a frozen one: it would be collected as garbage, its sockets unclosed."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        serving = asyncio.start_server(self._connect, "127.0.0.1", 0, ssl=tls)
        self._server = asyncio.run_coroutine_threadsafe(serving, self._loop).result(30)
        self.port: int = self._server.sockets[0].getsockname()[1]

    def before(self, url: str) -> str:
        """The server's URL by way of this proxy."""
        return url.replace(f"127.0.0.1:{self._server_port}", f"127.0.0.1:{self.port}")

    def freeze(self) -> None:
        self._requested += 1
        self._answered += 1

    def freeze_answers(self) -> None:
        self._answered += 1

    def cut(self) -> None:
        self._is_cut = True
        self._loop.call_soon_threadsafe(self._abort_all)

    def mend(self) -> None:
        self._is_cut = False

    def stop(self) -> None:
        async def end() -> None:
            self._server.close()
            # A connection accepted just before has to start its task: cancelled earlier, nothing would close it.
            await asyncio.sleep(0.05)
            while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await asyncio.sleep(0.05)  # for the transports to close

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()

    def _abort_all(self) -> None:
        for end in list(self._open):
            end.transport.abort()

    async def _connect(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        requested, answered = self._requested, self._answered
        ends = [to_client]
        self._connections.add(task := asyncio.current_task())
        try:
            if self._is_cut:
                return
            server, to_server = await asyncio.open_connection("127.0.0.1", self._server_port)
            ends.append(to_server)
            self._open.update(ends)
            await asyncio.gather(
                self._pass_on(client, to_server, lambda: self._requested > requested),
                self._pass_on(server, to_client, lambda: self._answered > answered),
            )
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(task)
            for end in ends:
                self._open.discard(end)
                end.transport.abort()

    async def _pass_on(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, frozen: Callable[[], bool]
    ) -> None:
        data = b"?"
        while data:
            data = await source.read(65536)
            if frozen():
                await asyncio.Event().wait()
            if data:
                sink.write(data)
                await sink.drain()
        sink.close()
