"""Raw bytes on the wire: whatever comes, the exchange answers or hangs up, goes on serving and has no traceback."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from random import Random

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.simulator.process import SimulatorProcess, plain_client, start_simulator

PATIENCE_S = 5.0
"""How long the exchange may take to answer or to hang up once a client has said its last word."""
TARGETS = (
    b"/api/v3/ping", b"/api/v3/time", b"/api/v3/order", b"/api/v3/depth?symbol=BTCUSDT", b"/sim/status", b"/ws/x", b"/",
    b"/api/v3/order?timestamp=1&signature=%zz", b"//", b"*", b"/api/v3/ping?" + b"a" * 3000, b"/stream?streams=%ff/%00",
    b"http://elsewhere/api/v3/ping", b"/sim/accounts", b"/sim/openapi.json", b"/ws-api/v3?timeUnit=%F0",
)  # fmt: skip
METHODS = (
    b"GET",
    b"GET",
    b"GET",
    b"POST",
    b"POST",
    b"PUT",
    b"DELETE",
    b"HEAD",
    b"OPTIONS",
    b"PATCH",
    b"TRACE",
    b"CONNECT",
    b"get",
    b"",
)
HEADERS = (
    b"Host: x", b"Content-Length: 5", b"Content-Length: -1", b"Content-Length: 99999999999", b"Content-Length: x",
    b"Transfer-Encoding: chunked", b"X-MBX-APIKEY: \xff\xfe", b"X-MBX-APIKEY: " + b"k" * 64, b"Connection: close",
    b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Version: 13", b"Expect: 100-continue", b": empty",
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", b"X-MBX-TIME-UNIT: \xc3\xa9", b"A" * 300,
    b"Authorization: Bearer \xff",
    b"Content-Type: multipart/form-data; boundary=x", b"Cookie: " + b"c" * 2000,
)  # fmt: skip
BODIES = (
    b"",
    b"a=1&b=2",
    b"a=%ff",
    b"5\r\nhello\r\n0\r\n\r\n",
    b"zz\r\n",
    b"\x00" * 50,
    b"=" * 100,
    b"&" * 500,
    b"x" * 70_000,
)
SMALL = 120
MUCH = 20_000


@pytest.fixture(scope="module")
def pelted() -> Iterator[SimulatorProcess]:
    """A market of these tests' own; what it says of itself at the end is read."""
    running = start_simulator("--flow", "none", "--seed", "1", "--limits", "none")
    yield running
    running.process.terminate()
    _, complaints = running.process.communicate(timeout=10)
    assert b"Traceback" not in complaints, complaints.decode()[-6000:]
    assert b"request failed" not in complaints, complaints.decode()[-6000:]


def some_bytes(random: Random) -> bytes:
    """Bytes that are often nearly HTTP."""
    if random.random() < 0.1:
        return random.randbytes(random.randrange(1, 300))
    version = random.choice((b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/9", b""))
    line = b" ".join(
        (
            random.choice(METHODS[:8]) if random.random() < 0.9 else random.choice(METHODS),
            random.choice(TARGETS),
            version,
        )
    )
    headers = random.sample(HEADERS, random.randrange(5))
    sent = b"\r\n".join((line, *headers, b"", b"")) + random.choice(BODIES)
    if random.random() < 0.2:
        sent = sent[: random.randrange(1, len(sent))]
    if random.random() < 0.1:
        place = random.randrange(len(sent))
        sent = sent[:place] + random.randbytes(3) + sent[place:]
    return sent


def whole(sent: bytes) -> bool:
    """Whether no body can be missing."""
    head, end, _ = sent.partition(b"\r\n\r\n")
    return bool(end) and b"Content-Length" not in head and b"Transfer-Encoding" not in head


async def pelt(simulator: SimulatorProcess, sent: bytes) -> bytes:
    """What comes back; TimeoutError when a whole request is not answered, or when it holds on to who has gone.

    A request that is not whole yet may be waited for, until the client says that no more comes.
    """
    reader, writer = await asyncio.open_connection(simulator.host, simulator.port)
    answer = b""
    try:
        async with asyncio.timeout(PATIENCE_S):
            with contextlib.suppress(OSError):
                writer.write(sent)
                if whole(sent):
                    answer = await reader.read(4096)
                writer.write_eof()
                answer += await reader.read()
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    return answer


async def pelt_many(simulator: SimulatorProcess, seed: int, count: int) -> None:
    random = Random(seed)
    for _ in range(count):
        sent = some_bytes(random)
        try:
            answer = await pelt(simulator, sent)
        except TimeoutError:
            pytest.fail(f"it neither answers nor hangs up: {sent[:500]!r}")
        assert not answer.startswith(b"HTTP/1.1 5"), (sent[:500], answer[:500])
    await still_serves(simulator)


async def still_serves(simulator: SimulatorProcess) -> None:
    async with plain_client(simulator) as http:
        assert (await http.get("/api/v3/ping")).json() == {}


async def frames(simulator: SimulatorProcess, seed: int, count: int) -> None:
    """Frames of every kind: bytes, broken text, pieces, pings, closes with odd reasons."""
    random = Random(seed)
    for _ in range(count):
        path = random.choice(("ws-api/v3", "ws", "ws/btcusdt@trade", "stream?streams=btcusdt@depth/%ff", "stream/ws"))
        with contextlib.suppress(ConnectionClosed, InvalidHandshake):
            async with connect(f"{simulator.ws}/{path}", proxy=None, close_timeout=1) as socket:
                for _ in range(random.randrange(1, 5)):
                    await one_frame(socket, random)
                async with asyncio.timeout(PATIENCE_S):
                    await (await socket.ping())
    await still_serves(simulator)


async def one_frame(socket: ClientConnection, random: Random) -> None:
    send = socket.send
    kind = random.randrange(5)
    if kind == 0:
        await send(random.randbytes(random.randrange(200)))
    elif kind == 1:
        await send(b'{"id":1,"method":"ping"}')
    elif kind == 2:
        await send([b'{"id":1,', b'"method":"ping"}'])
    elif kind == 3:
        await send("[" * random.randrange(2000) + '{"method":' * random.randrange(50))
    else:
        await send("x" * random.choice((1, 65_000, 70_000)))


async def test_any_bytes_are_answered_or_end_the_connection(pelted: SimulatorProcess) -> None:
    await pelt_many(pelted, 1, SMALL)


async def test_any_frames_leave_the_exchange_as_it_was(pelted: SimulatorProcess) -> None:
    await frames(pelted, 1, SMALL // 4)


@pytest.mark.soak
async def test_any_bytes_at_length(pelted: SimulatorProcess) -> None:
    await pelt_many(pelted, 2, MUCH)


@pytest.mark.soak
async def test_any_frames_at_length(pelted: SimulatorProcess) -> None:
    await frames(pelted, 2, MUCH // 4)
