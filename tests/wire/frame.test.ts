import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ProtocolError } from "../../core/errors/mod.ts";
import { FrameReader, FrameTooLong, FrameWriter, MAX_FRAME_BYTES } from "../../core/wire/mod.ts";

const payload = fc.uint8Array({ minLength: 1, maxLength: 300 });

function frame(...payloads: Uint8Array[]): Buffer {
  const out = new FrameWriter();
  for (const one of payloads) out.append(one);
  return Buffer.concat(out.take());
}

function readAll(reader: FrameReader): Buffer[] {
  const out: Buffer[] = [];
  for (let one = reader.next(); one !== undefined; one = reader.next()) out.push(Buffer.from(one));
  return out;
}

/** Compares as bytes: the test library's own comparison takes milliseconds per long buffer. */
function expectSame(got: readonly Uint8Array[], expected: readonly Uint8Array[]): void {
  expect(got.map((one) => one.length)).toEqual(expected.map((one) => one.length));
  expect(Buffer.concat(got).equals(Buffer.concat(expected))).toBe(true);
}

function header(length: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(length);
  return out;
}

describe("FrameReader", () => {
  it("gives the payloads that were written, however the bytes are cut", () => {
    fc.assert(
      fc.property(fc.array(payload, { maxLength: 8 }), fc.array(fc.nat({ max: 2500 })), (payloads, cuts) => {
        const bytes = frame(...payloads);
        const reader = new FrameReader();
        const got: Buffer[] = [];
        let from = 0;
        for (const cut of [...cuts.filter((c) => c < bytes.length).sort((a, b) => a - b), bytes.length]) {
          reader.push(bytes.subarray(from, cut));
          if (cut % 2 === 0) got.push(...readAll(reader)); // else two chunks wait at once
          from = cut;
        }
        got.push(...readAll(reader));
        expectSame(got, payloads);
        expect(reader.pendingBytes).toBe(0);
      }),
    );
  });

  it("gives a payload only when its last byte has arrived", () => {
    const bytes = frame(Uint8Array.of(1, 2, 3), Uint8Array.of(4));
    const reader = new FrameReader();
    const when: number[] = [];
    bytes.forEach((_byte, i) => {
      reader.push(bytes.subarray(i, i + 1));
      if (reader.next() !== undefined) when.push(i);
    });
    expect(when).toEqual([6, 11]);
  });

  it("gives a view on the chunk, and memory of its own only where a frame lies across chunks", () => {
    const bytes = frame(Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5, 6));
    const reader = new FrameReader();
    reader.push(bytes.subarray(0, 9));
    const first = reader.next();
    expect(first?.buffer).toBe(bytes.buffer);
    expect(reader.owned).toBe(false);
    reader.push(bytes.subarray(9));
    const second = reader.next();
    expect(second).toEqual(Buffer.of(4, 5, 6));
    expect(second?.buffer).not.toBe(bytes.buffer);
    expect(reader.owned).toBe(true);
  });

  it.each([
    ["an empty frame", header(0), undefined],
    ["a frame longer than the default bound", header(MAX_FRAME_BYTES + 1), undefined],
    ["a frame longer than its own bound", header(17), 16],
    ["another protocol", Buffer.from("GET / HTTP/1.1\r\n"), undefined],
    ["a TLS greeting", Buffer.from("1603010200010001fc0303", "hex"), undefined],
  ])("B47 refuses %s before anything is buffered", (_what, bytes, maxFrameBytes) => {
    const whole = new FrameReader({ maxFrameBytes });
    whole.push(bytes);
    expect(() => whole.next()).toThrow(ProtocolError);
    const split = new FrameReader({ maxFrameBytes });
    expect(() => {
      for (const byte of bytes) {
        split.push(Uint8Array.of(byte));
        split.next();
      }
    }).toThrow(ProtocolError);
  });

  it("accepts a frame of exactly the bound, which may be raised between frames", () => {
    const reader = new FrameReader({ maxFrameBytes: 2 });
    reader.push(frame(Uint8Array.of(1, 2), Uint8Array.of(1, 2, 3)));
    expect(reader.next()).toHaveLength(2);
    reader.maxFrameBytes = 3;
    expect(reader.next()).toHaveLength(3);
  });
});

describe("FrameWriter", () => {
  it("leaves what was taken alone", () => {
    const out = new FrameWriter();
    out.append(Uint8Array.of(1));
    const [first] = out.take();
    out.append(Uint8Array.of(2));
    const [second] = out.take();
    expect([...(first ?? [])]).toEqual([1, 0, 0, 0, 1]);
    expect([...(second ?? [])]).toEqual([1, 0, 0, 0, 2]);
    expect(out.take()).toEqual([]);
  });

  it("collects frames that outgrow its buffer, in order", () => {
    const payloads = Array.from({ length: 40 }, (_, i) => new Uint8Array(1 + i * 997).fill(i));
    const out = new FrameWriter();
    for (const one of payloads) out.append(one);
    const total = payloads.reduce((sum, p) => sum + 4 + p.length, 0);
    expect(out.byteLength).toBe(total);
    const reader = new FrameReader();
    for (const part of out.take()) reader.push(part);
    expectSame(readAll(reader), payloads);
  });

  it("forgets a dropped frame, whatever had been written of it, and keeps those before it", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 90_000 }), fc.boolean()), { maxLength: 6 }),
        fc.option(fc.integer({ min: 1, max: 50_000 }), { nil: undefined }),
        (steps, shareBytesFrom) => {
          const out = new FrameWriter({ shareBytesFrom });
          const kept: Buffer[] = [];
          for (const [size, keep] of steps) {
            const bytes = Buffer.alloc(size, kept.length + 1);
            out.beginFrame();
            out.reserve(1);
            out.bytes[out.at++] = 7;
            out.writeBytes(bytes);
            out.writeBytes(Uint8Array.of(8));
            if (keep) {
              out.endFrame();
              kept.push(Buffer.concat([Buffer.of(7), bytes, Buffer.of(8)]));
            } else out.dropFrame();
          }
          const reader = new FrameReader();
          for (const part of out.take()) reader.push(part);
          expectSame(readAll(reader), kept);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("hands long bytes on without a copy where it was told to", () => {
    const long = new Uint8Array(1000).fill(3);
    const shared = new FrameWriter({ shareBytesFrom: 1000 });
    shared.append(long);
    expect(shared.take()[1]).toBe(long);
    const copied = new FrameWriter();
    copied.append(long);
    long.fill(4);
    expect(copied.take()[0]?.at(-1)).toBe(3);
  });

  it("refuses a payload that is empty or too long", () => {
    const out = new FrameWriter({ maxFrameBytes: 4 });
    expect(() => out.append(new Uint8Array(0))).toThrow(RangeError);
    expect(() => out.append(new Uint8Array(5))).toThrow(FrameTooLong);
    out.append(new Uint8Array(4));
    expect(out.byteLength).toBe(8);
  });
});
