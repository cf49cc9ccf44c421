"""A msgpack decoder that shares nothing with ours. Reads frames in hex, one per line; writes each as a line of JSON.

Bytes come out as {"bin": hex}, extensions as {"ext": [type, hex]}; integers beyond 2**53 as {"int": decimal}.
"""
import json
import struct
import sys

FIXED = {
    0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q",
    0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q",
}
LENGTHS = {1: ">B", 2: ">H", 4: ">I"}


class Decoder:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, size):
        if self.at + size > len(self.data):
            raise ValueError("cut off")
        self.at += size
        return self.data[self.at - size:self.at]

    def number(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def array(self, size):
        return [self.value() for _ in range(size)]

    def map(self, size):
        return {self.value(): self.value() for _ in range(size)}

    def ext(self, size):
        kind = self.number(">b")
        return {"ext": [kind, self.take(size).hex()]}

    def value(self):
        head = self.number(">B")
        if head < 0x80:
            return head
        if head < 0x90:
            return self.map(head & 15)
        if head < 0xA0:
            return self.array(head & 15)
        if head < 0xC0:
            return self.take(head & 31).decode("utf-8")
        if head >= 0xE0:
            return head - 256
        if head in (0xC0, 0xC2, 0xC3):
            return {0xC0: None, 0xC2: False, 0xC3: True}[head]
        if head in FIXED:
            number = self.number(FIXED[head])
            large = isinstance(number, int) and abs(number) >= 2 ** 53
            return {"int": str(number)} if large else number
        if 0xD4 <= head <= 0xD8:
            return self.ext(1 << (head - 0xD4))
        families = (
            (0xC4, (1, 2, 4), lambda n: {"bin": self.take(n).hex()}),
            (0xC7, (1, 2, 4), self.ext),
            (0xD9, (1, 2, 4), lambda n: self.take(n).decode("utf-8")),
            (0xDC, (2, 4), self.array),
            (0xDE, (2, 4), self.map),
        )
        for first, sizes, read in families:
            if first <= head < first + len(sizes):
                return read(self.number(LENGTHS[sizes[head - first]]))
        raise ValueError("not msgpack: %#x" % head)


for line in sys.stdin:
    frame = bytes.fromhex(line.strip())
    length = struct.unpack("<I", frame[:4])[0]
    decoder = Decoder(frame[4:])
    value = decoder.value()
    if length != len(frame) - 4 or decoder.at != length:
        raise ValueError("length does not match")
    print(json.dumps(value))
