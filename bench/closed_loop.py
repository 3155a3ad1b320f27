"""The closed loop of `bench/load.py`, on bare sockets: a server is measured by a load that costs less than it does.

On asyncio a request cost the load 25 microseconds, as much as the cheapest server and half a core at full load.
"""

import gc
import select
import socket
import time
from collections import Counter, deque

import msgspec

ENDS_CHUNKED = b"0\r\n\r\n"


class Answers(msgspec.Struct, kw_only=True):
    """What came back."""

    latencies: list[float]
    """Seconds, in the order of the answers."""
    statuses: Counter[int]
    acknowledged: list[int]
    due: dict[int, float]
    took_s: float = 0.0


def post_all_at_once(requests: deque[tuple[int, bytes]], *, port: int, connections: int, limit_s: float) -> Answers:
    """Post everything, the next on each connection when its answer is there. Raises SystemExit past the limit, or if
    the server closes a connection."""
    answers = Answers(latencies=[], statuses=Counter(), acknowledged=[], due={})
    poll, sockets = select.epoll(), {}
    for _ in range(connections):
        made = socket.create_connection(("127.0.0.1", port), timeout=limit_s)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sockets[made.fileno()] = made
        poll.register(made.fileno(), select.EPOLLIN)
    gc.collect()
    gc.disable()
    started = time.perf_counter()
    under_way = {number: _post(made, requests) for number, made in sockets.items() if requests}
    seen = dict.fromkeys(sockets, b"")
    while under_way:
        if time.perf_counter() - started > limit_s:
            raise SystemExit(f"no answer to {len(under_way)} requests within {limit_s:g} s")
        for number, _ in poll.poll(1.0):
            data = sockets[number].recv(65536)
            now = time.perf_counter()
            if not data:
                raise SystemExit("the server closed a connection")
            answer = seen[number] + data
            if not is_complete(answer):
                seen[number] = answer
                continue
            seen[number] = b""
            index, since = under_way.pop(number)
            status = int(answer[9:12])
            answers.latencies.append(now - since)
            answers.due[index] = since
            answers.statuses[status] += 1
            if status == 200:
                answers.acknowledged.append(index)
            if requests:
                under_way[number] = _post(sockets[number], requests)
    answers.took_s = time.perf_counter() - started
    for made in sockets.values():
        made.close()
    return answers


def _post(made: socket.socket, requests: deque[tuple[int, bytes]]) -> tuple[int, float]:
    index, request = requests.popleft()
    since = time.perf_counter()
    made.sendall(request)
    return index, since


def is_complete(answer: bytes) -> bool:
    """Whether these bytes are a whole answer, by its length or its last chunk."""
    head, found, body = answer.partition(b"\r\n\r\n")
    if not found:
        return False
    _, has_length, rest = head.lower().partition(b"content-length:")
    if has_length:
        return len(body) >= int(rest.split(b"\r\n", 1)[0])
    return body.endswith(ENDS_CHUNKED)
