"""A response leaves in one write, in order and whole, however it was written."""

import asyncio

from ingress.outgoing import Outgoing


class Wire(asyncio.Transport):
    """What reaches the socket."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed
        self.writes.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


def outgoing() -> tuple[Outgoing, Wire]:
    wire = Wire()
    return Outgoing(wire, asyncio.get_running_loop()), wire


async def test_head_and_body_are_one_write() -> None:
    out, wire = outgoing()
    out.write(b"head,")
    assert wire.writes == []
    out.write(b"body")
    assert wire.writes == [b"head,body"]
    await asyncio.sleep(0)
    assert wire.writes == [b"head,body"]


async def test_what_stands_alone_leaves_with_the_turn_of_the_loop() -> None:
    out, wire = outgoing()
    out.write(b"100 continue")
    await asyncio.sleep(0)
    assert wire.writes == [b"100 continue"]


async def test_nothing_is_lost_or_reordered_in_a_stream() -> None:
    out, wire = outgoing()
    for number in range(7):
        out.write(b"%d" % number)
        if number == 4:
            await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert b"".join(wire.writes) == b"0123456"


async def test_closing_sends_what_was_kept_and_a_lost_connection_drops_it() -> None:
    out, wire = outgoing()
    out.write(b"bye")
    out.close()
    assert (wire.writes, wire.closed) == ([b"bye"], True)
    lost, gone = outgoing()
    lost.write(b"unsent")
    gone.close()
    await asyncio.sleep(0)
    assert gone.writes == []


async def test_an_empty_body_is_no_write() -> None:
    out, wire = outgoing()
    out.write(b"head")
    out.write(b"")
    assert wire.writes == [b"head"]
    await asyncio.sleep(0)
    assert wire.writes == [b"head"]


async def test_the_rest_of_the_transport_is_as_it_was() -> None:
    out, wire = outgoing()
    assert out.is_closing() is False
    wire.close()
    assert out.is_closing() is True
