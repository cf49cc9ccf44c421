/** Long messages: sent in parts, between which others find room. */
import fc from "fast-check";
import { Connection } from "../../core/ipc/connection.ts";
import { loopback } from "../../core/ipc/loopback.ts";
import { IncomingParts, OutgoingParts } from "../../core/ipc/parts.ts";
import {
  type Cid,
  FEATURES,
  type Feature,
  FrameWriter,
  MAX_FRAME_BYTES,
  MAX_MESSAGES_IN_PARTS,
  MAX_PART_BYTES,
  MAX_WHOLE_BYTES,
  type Message,
  MessageCodec,
  type Part,
} from "../../core/wire/mod.ts";
import { PairedStream } from "../support/duplex-pair.ts";
import { describe, expect, it } from "../support/it.ts";
import { macrotasks } from "../support/macrotasks.ts";

const aid = (name: string) => ({ name, uuid: `${name}-uuid`, pid: 1, is_registrar: null, is_probe: false });
const long = (fill: string, parts = 6) => fill.repeat(parts * MAX_PART_BYTES);
const result = (cid: Cid, pld: unknown): Message => ({ msg_type: "Return", cid, pld });

function* connected(features: readonly Feature[] = FEATURES, [near, far] = loopback()) {
  const heard: Message[] = [];
  const listener = { undecodable() {}, drained() {}, closed() {}, message() {} };
  const a = new Connection(near, aid("a"), listener, { features });
  const b = new Connection(far, aid("b"), { ...listener, message: (m) => heard.push(m) }, { features });
  yield* a.greeted.wait();
  yield* b.greeted.wait();
  return { a, b, heard, near, far };
}

/** Short enough to be printed when a test fails. */
const brief = (messages: readonly Message[]) =>
  messages.map((m) => {
    const pld = "pld" in m ? m.pld : undefined;
    return ["cid" in m && m.cid, typeof pld === "string" ? `${pld.slice(0, 4)} × ${pld.length}` : pld];
  });

describe("long messages", () => {
  it("arrive whole, after the short ones of other dialogs that were sent after them", function* () {
    const { a, heard } = yield* connected();
    a.send(result(1, long("x")));
    a.send(result(3, "short"));
    yield* macrotasks(10);
    expect(brief(heard)).toEqual(brief([result(3, "short"), result(1, long("x"))]));
  });

  it("do not hold up what is sent while they are under way, and wait in bounded memory of the stream", function* () {
    const { a, heard, near, far } = yield* connected();
    far.pause();
    a.send(result(1, long("x", 40)));
    yield* macrotasks(2);
    expect(near.writableLength).toBeLessThan(3 * MAX_PART_BYTES);
    a.send(result(3, "later"));
    far.resume();
    yield* macrotasks(60);
    expect(brief(heard)).toEqual(brief([result(3, "later"), result(1, long("x", 40))]));
  });

  it("take turns, so that the shorter of two is there first", function* () {
    const { a, heard } = yield* connected();
    a.send(result(1, long("x", 12)));
    a.send(result(3, long("y", 5)));
    yield* macrotasks(40);
    expect(heard.map((m) => "cid" in m && m.cid)).toEqual([3, 1]);
  });

  it("keep their place in their own dialog", function* () {
    const { a, heard } = yield* connected();
    const words: Message[] = [
      { msg_type: "Yield", cid: 1, pld: 1 },
      { msg_type: "Yield", cid: 1, pld: long("x") },
      { msg_type: "Yield", cid: 1, pld: 2 },
      { msg_type: "Stop", cid: 1 },
    ];
    for (const word of words) a.send(word);
    expect(a.holds(1)).toBe(true);
    yield* macrotasks(20);
    expect(brief(heard)).toEqual(brief(words));
    expect(a.holds(1)).toBe(false);
  });

  it("as stream items are cut with what was to share a message with them", function* () {
    const { a, heard } = yield* connected();
    for (const item of [1, 2, long("x"), 3]) a.sendItem(1, item);
    yield* macrotasks(20);
    const items = heard.flatMap((m) => (m.msg_type !== "Yield" ? [] : m.batch === true ? m.pld : [m.pld]));
    expect(items.map((item) => (typeof item === "string" ? item.length : item))).toEqual([1, 2, long("x").length, 3]);
  });

  it("leave before the connection is ended", function* () {
    const { a, heard } = yield* connected();
    a.send(result(1, long("x", 20)));
    a.end();
    yield* macrotasks(60);
    expect(brief(heard)).toEqual(brief([result(1, long("x", 20))]));
  });

  it("go in one piece to a peer that does not know parts", function* () {
    const { a, heard } = yield* connected(FEATURES.filter((feature) => feature !== "parts"));
    a.send(result(1, long("x")));
    a.send(result(3, "short"));
    yield* macrotasks(10);
    expect(brief(heard)).toEqual(brief([result(1, long("x")), result(3, "short")]));
  });

  it("are let go with a connection that ends meanwhile", function* () {
    const { a, b, heard, far } = yield* connected();
    far.pause();
    a.send(result(1, long("x", 40)));
    yield* macrotasks(1);
    expect(a.holds(1)).toBe(true);
    b.destroy();
    yield* macrotasks(10);
    expect(a.isOpen).toBe(false);
    expect(a.holds(1)).toBe(false);
    expect(heard).toHaveLength(0);
  });

  it("whatever their lengths and dialogs, arrive once and in the order of their dialog", function* () {
    const sizes = fc.oneof(fc.nat(100), fc.integer({ min: MAX_WHOLE_BYTES - 20, max: 2 * MAX_WHOLE_BYTES }));
    const sends = fc.array(fc.record({ cid: fc.nat(6), size: sizes, pause: fc.boolean() }), { maxLength: 25 });
    for (const plan of fc.sample(sends, { numRuns: 30, seed: 7 })) {
      const { a, b, heard } = yield* connected();
      const sent: Message[] = [];
      for (const [n, { cid, size, pause }] of plan.entries()) {
        const message: Message = { msg_type: "Yield", cid, pld: `${n}${"z".repeat(size)}` };
        sent.push(message);
        a.send(message);
        if (pause) yield* macrotasks(1);
      }
      yield* macrotasks(80);
      const of = (messages: readonly Message[], cid: number) => messages.filter((m) => "cid" in m && m.cid === cid);
      for (let cid = 0; cid < 7; cid++) expect(brief(of(heard, cid))).toEqual(brief(of(sent, cid)));
      expect(heard).toHaveLength(sent.length);
      a.destroy();
      b.destroy();
    }
  });
});

describe("outgoing parts", () => {
  it(`of at most ${MAX_MESSAGES_IN_PARTS} messages are under way at once`, () => {
    const parts = new OutgoingParts();
    for (let cid = 0; cid < 10; cid++) parts.add(cid, Buffer.alloc(3 * MAX_PART_BYTES));
    const begun = new Map<Cid, number>();
    for (let part = parts.next(); part !== undefined; part = parts.next()) {
      const filled = (begun.get(part.cid) ?? 0) + part.bytes.length;
      if (filled < part.size) begun.set(part.cid, filled);
      else begun.delete(part.cid);
      expect(begun.size).toBeLessThanOrEqual(MAX_MESSAGES_IN_PARTS);
    }
    expect(parts.byteLength).toBe(0);
  });
});

describe("incoming parts", () => {
  const part = (cid: number, size: number, bytes: number): Part => ({
    msg_type: "Part",
    cid,
    size,
    bytes: new Uint8Array(bytes),
  });

  it.each([
    ["a message that is too long", [part(1, MAX_FRAME_BYTES + 1, 1)], /more than maxFrameBytes/],
    ["more than the message has", [part(1, 10, 11)], /part of 11 bytes, size 10, for dialog 1 at 0 of 10/],
    ["another size than before", [part(1, 10, 1), part(1, 11, 1)], /size 11, for dialog 1 at 1 of 10/],
    ["nothing", [part(1, 10, 0)], /part of 0 bytes/],
    ["too many at once", [1, 2, 3, 4, 5].map((cid) => part(cid, 10, 1)), /more than 4 messages at once/],
  ])("that are %s are refused", (_what, given, message) => {
    const parts = new IncomingParts();
    expect(() => {
      for (const one of given) parts.add(one);
    }).toThrow(message);
  });

  it("that hold a part are refused, and end the connection", function* () {
    const [left, right] = PairedStream.make();
    const closed: Error[] = [];
    const listener = { message() {}, undecodable() {}, drained() {}, closed: (error: Error) => closed.push(error) };
    const connection = new Connection(left, aid("a"), listener);
    const plain = new MessageCodec({ spelling: "named", features: new Set() });
    const codec = new MessageCodec({ spelling: "compact", features: new Set(FEATURES) });
    const out = new FrameWriter();
    plain.append({ msg_type: "Aid", ...aid("b"), ext: [...FEATURES] }, out);
    const inner = new FrameWriter();
    codec.append({ ...part(1, 1, 1) }, inner);
    const payload = Buffer.concat(inner.take()).subarray(4);
    codec.append({ msg_type: "Part", cid: 1, size: payload.length, bytes: payload }, out);
    for (const chunk of out.take()) right.write(chunk);
    yield* macrotasks();
    expect(connection.isOpen).toBe(false);
    expect(String(closed[0])).toMatch(/a part of a part/);
  });
});
