import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MsgTypeError, ProtocolError } from "../../core/errors/mod.ts";
import {
  boxError,
  type Cid,
  ExtensionSet,
  type ExtensionType,
  FEATURES,
  type Feature,
  FrameReader,
  FrameWriter,
  type Message,
  MessageCodec,
  negotiate,
  UndecodablePayload,
  ValueCodec,
} from "../../core/wire/mod.ts";
import { samples } from "./golden/samples.ts";

const all: ReadonlySet<Feature> = new Set(FEATURES);
const none: ReadonlySet<Feature> = new Set();
const compact = new MessageCodec({ spelling: "compact", features: all });
const named = new MessageCodec({ spelling: "named", features: none });

function readAll(codec: MessageCodec, out: FrameWriter): Message[] {
  const reader = new FrameReader();
  for (const part of out.take()) reader.push(part);
  const messages: Message[] = [];
  for (let m = codec.read(reader); m !== undefined; m = codec.read(reader)) messages.push(m);
  return messages;
}

function through(codec: MessageCodec, message: Message): Message | undefined {
  const out = new FrameWriter();
  codec.append(message, out);
  return readAll(codec, out)[0];
}

const start: Message = {
  msg_type: "Start",
  cid: 1,
  ns: "feed",
  func: "f",
  kwargs: {},
  uid: ["a", "u"],
  pld_spec: "any",
  deadline: 5,
  trace: "t",
  detached: true,
};

describe("negotiation", () => {
  it("gives what both sides list, and nothing with a peer that lists nothing", () => {
    expect([...negotiate(FEATURES, ["credit", "compact", "unheard-of"])]).toEqual(["compact", "credit"]);
    expect(negotiate(FEATURES, undefined).size).toBe(0);
    expect(negotiate(undefined, FEATURES).size).toBe(0);
  });

  it("keeps from a peer the fields that it does not understand", () => {
    expect(Object.keys(through(named, { ...start, cid: "c" }) ?? {})).toEqual([
      ...["msg_type", "cid", "ns", "func", "kwargs", "uid", "pld_spec"],
    ]);
    const some = new MessageCodec({ spelling: "compact", features: new Set(["compact", "trace"]) });
    expect(through(some, start)).toEqual({ ...start, deadline: undefined });
    const error: Message = { msg_type: "Error", cid: 1, ...boxError(new Error("x"), { name: "a", uuid: "u" }) };
    expect(through(some, error)).not.toHaveProperty("boxed");
    expect(through(compact, error)).toHaveProperty("boxed.message", "x");
  });

  it("refuses to send what the peer does not understand at all", () => {
    const out = new FrameWriter();
    expect(() => named.append({ msg_type: "Credit", cid: "c", items: 1, bytes: 1 }, out)).toThrow(ProtocolError);
    expect(() => named.append({ msg_type: "Yield", cid: "c", pld: [1], batch: true }, out)).toThrow(ProtocolError);
    expect(out.byteLength).toBe(0);
  });

  it("lets values use extension types only with a peer that is one of us", () => {
    expect(through(named, { msg_type: "Return", cid: "c", pld: undefined })).toHaveProperty("pld", null);
    expect(through(compact, { msg_type: "Return", cid: 1, pld: undefined })).toEqual({
      msg_type: "Return",
      cid: 1,
      pld: undefined,
    });
  });
});

describe("what comes from outside", () => {
  const values = new ValueCodec({ plain: true });
  const aid = { msg_type: "Aid", name: "n", uuid: "u", pid: 1, is_registrar: null, is_probe: false };
  const error = samples.find((sample) => sample.title === "Error")?.message;

  it.each([
    ["no map", [1], "not a map"],
    ["no msg_type", { cid: "c" }, "unknown msg_type undefined"],
    ["an unknown msg_type", { msg_type: "Hello" }, "unknown msg_type 'Hello'"],
    ["a msg_type of Object.prototype", { msg_type: "constructor" }, "unknown msg_type"],
    ["a missing field", { msg_type: "Stop" }, "Stop without cid"],
    ["a field of the wrong type", { ...aid, name: 1 }, "Aid with name = 1, not a string"],
    ["a negative pid", { ...aid, pid: -1 }, "Aid with pid = -1"],
    ["a cid that is no cid", { msg_type: "Stop", cid: 1.5 }, "Stop with cid = 1.5"],
    ["kwargs that are no map", { ...start, kwargs: [] }, "Start with kwargs"],
    ["a uid of three", { ...start, uid: ["a", "b", "c"] }, "Start with uid"],
    ["a negative deadline", { ...start, deadline: -1 }, "Start with deadline"],
    ["a deadline that is no number", { ...start, deadline: Number.NaN }, "Start with deadline"],
    ["an unknown functype", { msg_type: "StartAck", cid: "c", functype: "gen" }, "StartAck with functype"],
    ["a cancel answer that is no flag", { msg_type: "CancelAck", cid: "c", pld: 1 }, "CancelAck with pld"],
    ["a batch that is no list", { msg_type: "Yield", cid: "c", pld: 1, batch: true }, "Yield with batch"],
    ["credit that is no count", { msg_type: "Credit", cid: 1, items: -1, bytes: 1 }, "Credit with items"],
    ["a bad relay path", { ...error, relay_path: [["a"]] }, "Error with relay_path"],
    ["a bad box", { ...error, boxed: { kind: "bomb" } }, "Error.boxed.kind"],
    [
      "a bad box in a box",
      { ...error, boxed: { kind: "error", type: "", name: "", message: "", cause: 1 } },
      "Error.boxed.cause",
    ],
  ])("B47 with %s is a ProtocolError that names it", (_what, sent, message) => {
    expect(() => named.decode(values.encode(sent))).toThrow(ProtocolError);
    expect(() => named.decode(values.encode(sent))).toThrow(message);
  });

  it.each([
    ["no array", { a: 1 }],
    ["an empty array", []],
    ["an unknown tag", [99, 1]],
    ["a tag that is no number", ["length", 1]],
    ["a negative tag", [-1]],
    ["a fractional tag", [0.5]],
    ["a missing field", [4, 1]],
    ["a cid of nil", [6, null]],
  ])("B47 in the compact spelling, %s is a ProtocolError", (_what, sent) => {
    expect(() => compact.decode(values.encode(sent))).toThrow(ProtocolError);
  });

  it("unknown fields are ignored, absent ones that may be nil are nil", () => {
    expect(named.decode(values.encode({ ...aid, extra: [1], __proto__: null }))).toEqual(aid);
    expect(named.decode(values.encode({ ...aid, is_registrar: undefined, pid: undefined }))).toEqual({
      ...aid,
      pid: null,
    });
    expect(compact.decode(values.encode([6, 1, "more", { a: 1 }]))).toEqual({ msg_type: "Stop", cid: 1 });
    expect(compact.decode(values.encode([5, 1, "x", false]))).toEqual({
      msg_type: "Yield",
      cid: 1,
      pld: "x",
      batch: false,
    });
  });

  it("B47 golden frames with bytes changed give a message or a ProtocolError, in both spellings", () => {
    for (const codec of [compact, new MessageCodec({ spelling: "named", features: all })]) {
      const frames = samples.map(({ message }) => {
        const out = new FrameWriter();
        codec.append(message, out);
        return Buffer.concat(out.take()).subarray(4);
      });
      fc.assert(
        fc.property(
          fc.constantFrom(...frames),
          fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 }),
          (frame, changes) => {
            const bytes = Buffer.from(frame);
            for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
            try {
              codec.decode(bytes);
            } catch (error) {
              expect(error).toBeInstanceOf(ProtocolError);
            }
          },
        ),
        { numRuns: 2000 },
      );
    }
  });
});

describe("a payload that cannot be encoded", () => {
  it.each([
    [{ ...start, kwargs: { cb() {} } }, "1: args.cb: a function"],
    [{ msg_type: "Started", cid: 1, pld: Symbol("x") }, "1: started: a symbol"],
    [{ msg_type: "Yield", cid: 1, pld: [() => {}] }, "1: send[0]: a function"],
    [{ msg_type: "Return", cid: "c", pld: { a: () => {} } }, "c: result.a: a function"],
  ] as const)("B18 is refused by slot and path, and leaves the frames before it intact", (message, text) => {
    const out = new FrameWriter();
    compact.append({ msg_type: "Stop", cid: 7 }, out);
    expect(() => compact.append(message, out)).toThrow(MsgTypeError);
    expect(() => compact.append(message, out)).toThrow(text);
    compact.append({ msg_type: "Stop", cid: 8 }, out);
    expect(readAll(compact, out)).toEqual([
      { msg_type: "Stop", cid: 7 },
      { msg_type: "Stop", cid: 8 },
    ]);
  });

  it("B18 is refused where it is too long for a frame, by the codec's bound or the writer's", () => {
    const long: Message = { msg_type: "Return", cid: 1, pld: "x".repeat(200_000) };
    const small = new MessageCodec({ spelling: "compact", features: all, maxFrameBytes: 1000 });
    for (const [codec, out] of [
      [small, new FrameWriter()],
      [compact, new FrameWriter({ maxFrameBytes: 1000 })],
    ] as const) {
      codec.append({ msg_type: "Stop", cid: 7 }, out);
      expect(() => codec.append(long, out)).toThrow(/result: message is longer than maxFrameBytes \(1000\)/);
      expect(readAll(codec, out)).toEqual([{ msg_type: "Stop", cid: 7 }]);
    }
  });

  it("is left out of an error, which always gets through", () => {
    const fields = boxError(new Error("x"), { name: "a", uuid: "u" });
    const message: Message = { msg_type: "Error", cid: 1, ...fields, _bad_msg: () => {} };
    expect(through(compact, message)).toMatchObject({ message: "x", _bad_msg: null });
  });
});

describe("stream items", () => {
  const item = fc.oneof(
    fc.integer(),
    fc.string(),
    fc.uint8Array({ maxLength: 40_000 }),
    fc.array(fc.nat(), { maxLength: 50 }),
  );

  it("come out in order, whatever they share frames with", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat({ max: 2 }), fc.nat({ max: 9 }), item), { maxLength: 40 }), (steps) => {
        const out = new FrameWriter();
        const sent: [Cid, unknown][] = [];
        const parts: Uint8Array[] = [];
        for (const [cid, what, pld] of steps) {
          if (what === 0) compact.append({ msg_type: "Stop", cid }, out);
          else if (what === 1) parts.push(...out.take());
          else if (what === 2) expect(() => compact.appendItem(cid, [pld, () => {}], out)).toThrow(MsgTypeError);
          else compact.appendItem(cid, pld, out);
          if (what === 0) sent.push([cid, "stop"]);
          else if (what > 2) sent.push([cid, pld]);
        }
        parts.push(...out.take());
        const reader = new FrameReader();
        const got: [Cid, unknown][] = [];
        reader.push(Buffer.concat(parts));
        for (let m = compact.read(reader); m !== undefined; m = compact.read(reader)) {
          if (m.msg_type === "Stop") got.push([m.cid, "stop"]);
          else if (m.msg_type === "Yield") for (const pld of m.batch === true ? m.pld : [m.pld]) got.push([m.cid, pld]);
        }
        expect(reader.pendingBytes).toBe(0);
        expect(got).toEqual(sent);
      }),
      { numRuns: 200 },
    );
  });

  it("of one stream share a frame, up to its bounds", () => {
    const out = new FrameWriter();
    for (let i = 0; i < 100_000; i++) compact.appendItem(1, i, out);
    const messages = readAll(compact, out);
    expect(messages.flatMap((m) => (m.msg_type === "Yield" && m.batch === true ? m.pld : []))).toEqual(
      Array.from({ length: 100_000 }, (_, i) => i),
    );
    expect(messages.length).toBeGreaterThan(3);
    expect(messages.length).toBeLessThan(10);
  });

  it("that are refused leave those before and after them intact, also as the first of a batch", () => {
    const out = new FrameWriter();
    const refused = (): unknown => compact.appendItem(1, new Map([["k", [() => {}]]]), out);
    expect(refused).toThrow("1: send.k[0]: a function");
    expect(out.byteLength).toBe(0);
    compact.appendItem(1, "a", out);
    expect(refused).toThrow(MsgTypeError);
    compact.appendItem(1, new Map([["b", 1]]), out);
    expect(readAll(compact, out)).toEqual([
      { msg_type: "Yield", cid: 1, pld: ["a", new Map([["b", 1]])], batch: true },
    ]);
  });

  it("too long to join a batch go alone, too long for a frame are refused", () => {
    const out = new FrameWriter({ maxFrameBytes: 1000 });
    compact.appendItem(1, "x".repeat(600), out);
    compact.appendItem(1, "y".repeat(600), out);
    expect(() => compact.appendItem(1, "z".repeat(1000), out)).toThrow(/send: message is longer/);
    compact.appendItem(1, "w", out);
    const items = readAll(compact, out).map((m) => (m.msg_type === "Yield" ? m.pld : m));
    expect(items).toEqual([["x".repeat(600)], ["y".repeat(600)], ["w"]]);
  });

  it("go one by one to a peer that does not understand batches", () => {
    const out = new FrameWriter();
    named.appendItem("c", 1, out);
    named.appendItem("c", 2, out);
    expect(readAll(named, out)).toEqual([
      { msg_type: "Yield", cid: "c", pld: 1 },
      { msg_type: "Yield", cid: "c", pld: 2 },
    ]);
  });

  it("say how many bytes each took", () => {
    const out = new FrameWriter();
    compact.appendItem(1, 1, out);
    expect(compact.appendItem(1, 1, out)).toBe(1);
    expect(compact.appendItem(1, "abc", out)).toBe(4);
    expect(compact.appendItem(1, new Uint8Array(40_000), out)).toBeGreaterThan(40_000);
  });
});

describe("bytes in a message", () => {
  it("are a view on a frame that was copied together anyway, and a copy of one that was not", () => {
    const out = new FrameWriter();
    const bytes = new Uint8Array(1000).fill(1);
    compact.append({ msg_type: "Return", cid: 1, pld: bytes }, out);
    const frame = Buffer.concat(out.take());
    const read = (cut: number): { reader: FrameReader; pld: unknown } => {
      const reader = new FrameReader();
      reader.push(frame.subarray(0, cut));
      reader.push(frame.subarray(cut));
      const message = compact.read(reader);
      return { reader, pld: message?.msg_type === "Return" ? message.pld : undefined };
    };
    const split = read(100);
    expect(split.pld).toEqual(bytes);
    expect(split.pld).toHaveProperty("buffer", split.reader.bytes.buffer);
    const whole = read(frame.length);
    expect(whole.pld).toEqual(bytes);
    frame.fill(9);
    expect(whole.pld).toEqual(bytes);
  });
});

describe("a custom type", () => {
  class Money {
    cents = 5;
  }
  const money: ExtensionType<Money> = {
    name: "money",
    match: (v): v is Money => v instanceof Money,
    encode: (v) => v.cents,
    decode: (data) => Object.assign(new Money(), { cents: data }),
  };
  const rich = new MessageCodec({ spelling: "compact", features: all, extensions: new ExtensionSet([money]) });

  it("B54 without its codec concerns its dialog only: the connection reads on", () => {
    const out = new FrameWriter();
    rich.append({ msg_type: "Return", cid: 4, pld: { price: new Money() } }, out);
    rich.append({ msg_type: "Stop", cid: 5 }, out);
    const reader = new FrameReader();
    for (const part of out.take()) reader.push(part);
    let caught: unknown;
    try {
      compact.read(reader);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(UndecodablePayload);
    expect(caught).toMatchObject({ cid: 4, msgType: "Return", slot: "result" });
    if (caught instanceof UndecodablePayload) {
      expect(caught.toMsgTypeError()).toBeInstanceOf(MsgTypeError);
      expect(caught.toMsgTypeError().message).toContain('4: result: a value of type "money"');
    }
    expect(compact.read(reader)).toEqual({ msg_type: "Stop", cid: 5 });
  });
});
