import { Duplex } from "node:stream";
import { TransportClosed } from "../../core/errors/mod.ts";
import { Connection, type ConnectionListener } from "../../core/ipc/connection.ts";
import {
  CONGESTION_BYTES,
  FRAME_STALL_TIMEOUT_MS,
  FULL_WRITE_BYTES,
  MAX_HANDSHAKE_FRAME_BYTES,
} from "../../core/ipc/limits.ts";
import { VirtualClock } from "../../core/sc/virtual-clock.ts";
import { FEATURES, type Feature, FrameWriter, type Message, MessageCodec } from "../../core/wire/mod.ts";
import { PairedStream } from "../support/duplex-pair.ts";
import { describe, expect, it } from "../support/it.ts";
import { macrotasks } from "../support/macrotasks.ts";
import { errorOf } from "../support/outcome.ts";

class Heard implements ConnectionListener {
  readonly messages: Message[] = [];
  readonly closedBy: TransportClosed[] = [];
  message(message: Message): void {
    this.messages.push(message);
  }
  undecodable(): void {}
  drained(): void {}
  closed(error: TransportClosed): void {
    this.closedBy.push(error);
  }
}

const aid = (name: string) => ({ name, uuid: `${name}-uuid`, pid: 1, is_registrar: null, is_probe: false });

function connect(stream: PairedStream, name: string, features: readonly Feature[] = FEATURES) {
  const heard = new Heard();
  return { heard, connection: new Connection(stream, aid(name), heard, { features }) };
}

const stop = (cid: number | string): Message => ({ msg_type: "Stop", cid });

/** A stream that takes nothing more until it is told to. */
class SlowStream extends Duplex {
  readonly #waiting: (() => void)[] = [];
  override _read(): void {}
  override _write(_chunk: Buffer, _encoding: string, done: () => void): void {
    this.#waiting.push(done);
  }
  /** Let the chunk go that has waited for longest. */
  release(): boolean {
    const done = this.#waiting.shift();
    done?.();
    return done !== undefined;
  }
}

describe("a connection", () => {
  it("that was congested says so when it has drained, also if a message was sent when less was waiting", function* () {
    const stream = new SlowStream();
    let drained = 0;
    const listener = { message() {}, undecodable() {}, closed() {}, drained: () => drained++ };
    const connection = new Connection(stream, aid("a"), listener);
    const [near, far] = PairedStream.make();
    connect(near, "b");
    far.on("data", (chunk: Buffer) => stream.push(chunk));
    yield* connection.greeted.wait();
    yield* macrotasks();
    while (stream.release()) yield* macrotasks();
    for (let i = 0; i < 3; i++) {
      connection.sendItem(1, new Uint8Array(CONGESTION_BYTES / 2));
      yield* macrotasks();
    }
    expect(connection.congested).toBe(true);
    for (let i = 0; i < 2; i++) stream.release();
    yield* macrotasks();
    connection.send(stop(3));
    yield* macrotasks();
    const before = drained;
    while (stream.release()) yield* macrotasks();
    expect({ drained: drained - before, congested: connection.congested }).toEqual({ drained: 1, congested: false });
    connection.destroy();
  });

  it("tells each side who the other is, and what both understand", function* () {
    const [left, right] = PairedStream.make();
    const a = connect(left, "a");
    const b = connect(right, "b", ["compact", "credit"]);
    expect((yield* a.connection.greeted.wait()).id).toEqual({ name: "b", uuid: "b-uuid" });
    const peer = yield* b.connection.greeted.wait();
    expect(peer.id.name).toBe("a");
    expect([...peer.features]).toEqual(["compact", "credit"]);
  });

  it("keeps what is sent before the handshake is over, and sends it then, in order", function* () {
    const [left, right] = PairedStream.make();
    const a = connect(left, "a");
    for (const cid of [1, 2, 3]) a.connection.send(stop(cid));
    const b = connect(right, "b");
    yield* b.connection.greeted.wait();
    yield* a.connection.greeted.wait();
    yield* macrotasks();
    expect(b.heard.messages).toEqual([1, 2, 3].map(stop));
  });

  it("sends all messages of one turn in one write", function* () {
    const [left, right] = PairedStream.make();
    const a = connect(left, "a");
    const b = connect(right, "b");
    yield* a.connection.greeted.wait();
    const before = left.writes.length;
    for (let cid = 0; cid < 100; cid++) a.connection.send(stop(cid));
    yield* macrotasks();
    expect(left.writes.length - before).toBe(1);
    expect(b.heard.messages.length).toBe(100);
  });

  it("sends items that fill a write at once, unless some are still under way", function* () {
    const stream = new SlowStream();
    const [near, far] = PairedStream.make();
    connect(near, "b");
    far.on("data", (chunk: Buffer) => stream.push(chunk));
    const connection = new Connection(stream, aid("a"), new Heard());
    yield* connection.greeted.wait();
    yield* macrotasks();
    while (stream.release()) yield* macrotasks();
    const items = [1, FULL_WRITE_BYTES, FULL_WRITE_BYTES].map((bytes) => {
      connection.sendItem(1, new Uint8Array(bytes));
      return stream.writableLength;
    });
    const [small = 0, full = 0, next] = items;
    expect({ small, isSent: full > FULL_WRITE_BYTES, next }).toEqual({ small: 0, isSent: true, next: full });
    yield* macrotasks();
    expect(stream.writableLength).toBeGreaterThan(2 * FULL_WRITE_BYTES);
    connection.destroy();
  });

  it.each([
    ["garbage", Buffer.from("GET / HTTP/1.1\r\n\r\n")],
    ["a frame without content", Buffer.from([0, 0, 0, 0])],
    ["a frame that is too long for a handshake", lengthOnly(MAX_HANDSHAKE_FRAME_BYTES + 1)],
    ["a first message that is no Aid", framed(stop("x"))],
  ])("B47 a peer that begins with %s is disconnected, and says why to who waits", function* (_what, bytes) {
    const [left, right] = PairedStream.make();
    const a = connect(left, "a");
    right.write(bytes);
    expect(yield* errorOf(a.connection.greeted.wait())).toBeInstanceOf(TransportClosed);
    expect(a.heard.closedBy.length).toBe(1);
    expect(a.heard.messages).toEqual([]);
    expect(left.destroyed).toBe(true);
  });

  it.each([
    ["an alert", "15030300020246"],
    ["its hello", "16030100c8010000c4"],
  ])("tells who hears %s of TLS that the peer asks for a secret", function* (_what, hex) {
    const [left, right] = PairedStream.make();
    const a = connect(left, "a");
    right.write(Buffer.from(hex, "hex"));
    expect(String(yield* errorOf(a.connection.greeted.wait()))).toMatch(/speaks TLS.*give this side the same one/);
  });

  it("B47 a peer that turns to garbage after the handshake is disconnected, what came before it is kept", function* () {
    const [left, right] = PairedStream.make();
    const a = connect(left, "a");
    const b = connect(right, "b");
    yield* b.connection.greeted.wait();
    yield* a.connection.greeted.wait();
    b.connection.send(stop(7));
    yield* macrotasks();
    right.write(Buffer.from([3, 0, 0, 0, 0xc1, 0xc1, 0xc1]));
    yield* macrotasks();
    expect(a.heard.messages).toEqual([stop(7)]);
    expect(a.heard.closedBy.length).toBe(1);
  });

  describe("with a peer that leaves a message unfinished", () => {
    function* greeted() {
      const clock = new VirtualClock();
      const [left, right] = PairedStream.make();
      const heard = new Heard();
      const connection = new Connection(left, aid("a"), heard, { clock });
      const b = connect(right, "b");
      yield* b.connection.greeted.wait();
      yield* connection.greeted.wait();
      return { clock, heard, connection, right };
    }

    it.each([
      ["its length", [9]],
      ["what it holds", [9, 0, 0, 0, 1, 2]],
    ])("B47 within %s, disconnects it after the bound, and not before", function* (_where, bytes) {
      const { clock, heard, right } = yield* greeted();
      right.write(Buffer.from(bytes));
      yield* macrotasks();
      yield* clock.advance(FRAME_STALL_TIMEOUT_MS - 1);
      expect(heard.closedBy).toEqual([]);
      yield* clock.advance(1);
      expect(heard.closedBy.map(String)).toEqual([expect.stringMatching(/left a message unfinished for 20000 ms/)]);
    });

    it("gives it the time again whenever something of it arrives, and when it is complete, all that it wants", function* () {
      const { clock, heard, right } = yield* greeted();
      const frame = compact(stop(7));
      for (const byte of frame.subarray(0, -1)) {
        right.write(Buffer.from([byte]));
        yield* macrotasks();
        yield* clock.advance(FRAME_STALL_TIMEOUT_MS - 1);
      }
      right.write(frame.subarray(-1));
      yield* macrotasks();
      yield* clock.advance(10 * FRAME_STALL_TIMEOUT_MS);
      expect(heard.closedBy).toEqual([]);
      expect(heard.messages).toEqual([stop(7)]);
      // And the next one is watched again.
      right.write(frame.subarray(0, 3));
      yield* macrotasks();
      yield* clock.advance(FRAME_STALL_TIMEOUT_MS);
      expect(heard.closedBy.length).toBe(1);
    });

    it("leaves no timer when it ends", function* () {
      const { clock, heard, connection, right } = yield* greeted();
      right.write(Buffer.from([9]));
      yield* macrotasks();
      connection.destroy("enough");
      yield* clock.advance(2 * FRAME_STALL_TIMEOUT_MS);
      expect(heard.closedBy.map(String)).toEqual([expect.stringContaining("enough")]);
    });
  });

  it("B44 its end is told once, and what is sent on it afterwards is dropped", function* () {
    const [left, right] = PairedStream.make();
    const a = connect(left, "a");
    const b = connect(right, "b");
    yield* a.connection.greeted.wait();
    b.connection.destroy("had enough");
    yield* macrotasks();
    expect(a.heard.closedBy.map((error) => error.peer?.name)).toEqual(["b"]);
    expect(a.connection.isOpen).toBe(false);
    a.connection.send(stop(1));
    expect(a.connection.sendItem(1, "item")).toBe(0);
    a.connection.destroy();
    expect(a.heard.closedBy.length).toBe(1);
  });
});

function lengthOnly(length: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(length);
  return bytes;
}

function framed(message: Message, codec = new MessageCodec({ spelling: "named", features: new Set() })): Buffer {
  const writer = new FrameWriter();
  codec.append(message, writer);
  return Buffer.concat(writer.take());
}

function compact(message: Message): Buffer {
  return framed(message, new MessageCodec({ spelling: "compact", features: new Set(FEATURES) }));
}
