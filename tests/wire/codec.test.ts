import { inspect } from "node:util";
import { Decoder, Encoder } from "@msgpack/msgpack";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MsgTypeError, ProtocolError } from "../../core/errors/mod.ts";
import { type ExtensionType, MAX_VALUE_DEPTH, ValueCodec } from "../../core/wire/mod.ts";

const codec = new ValueCodec();

function roundTrip(value: unknown, through = codec): unknown {
  return through.decode(through.encode(value));
}

function refusalOf(value: unknown, through = codec): MsgTypeError {
  try {
    through.encode(value, "args");
  } catch (error) {
    if (error instanceof MsgTypeError) return error;
    throw error;
  }
  throw new Error("was encoded");
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}

const typedArray = fc.oneof(
  fc.int8Array(),
  fc.uint8ClampedArray(),
  fc.int16Array(),
  fc.uint16Array(),
  fc.int32Array(),
  fc.uint32Array(),
  fc.float32Array(),
  fc.float64Array(),
  fc.bigInt64Array(),
  fc.bigUint64Array(),
);
const text = fc.string({ unit: "binary" }).filter((s) => Buffer.from(s).toString() === s);
const leaf = fc.oneof(
  fc.constantFrom(undefined, null, true, false, -0, Number.NaN, Number.POSITIVE_INFINITY),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.bigInt(),
  fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n }),
  text,
  fc.date({ noInvalidDate: true }),
  fc.uint8Array(),
  typedArray,
  fc.constantFrom(/a/, /[\w/]+$/gimsuy, new URL("https://u:p@x.example:81/a?b=c#d")),
);
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: "small" },
    leaf,
    fc.array(tie("any")),
    fc.dictionary(text, tie("any"), { noNullPrototype: true }),
    fc.array(fc.tuple(tie("any"), tie("any"))).map((entries) => new Map(entries)),
    fc.array(tie("any")).map((items) => new Set(items)),
  ),
})).any;

describe("values", () => {
  it("of every type come back as they were", () => {
    fc.assert(
      fc.property(value, (v) => {
        expect(roundTrip(v)).toStrictEqual(v);
      }),
      { numRuns: 400 },
    );
  });

  it.each([
    0,
    127,
    128,
    255,
    256,
    65535,
    65536,
    2 ** 31,
    2 ** 32 - 1,
    2 ** 32,
    Number.MAX_SAFE_INTEGER,
    2 ** 53,
    2 ** 64,
    -1,
    -32,
    -33,
    -128,
    -129,
    -32768,
    -32769,
    -(2 ** 31),
    -(2 ** 31) - 1,
    Number.MIN_SAFE_INTEGER,
    -(2 ** 63),
    1e300,
    5e-324,
  ])("the number %d stays a number", (n) => {
    expect(roundTrip(n)).toBe(n);
  });

  it.each([
    0n,
    1n,
    -1n,
    127n,
    128n,
    -128n,
    -129n,
    255n,
    256n,
    2n ** 53n,
    2n ** 63n,
    2n ** 64n - 1n,
    2n ** 64n,
    -(2n ** 53n),
    -(2n ** 63n),
    -(2n ** 63n) - 1n,
    2n ** 1000n,
    -(2n ** 1000n),
  ])("the bigint %d stays a bigint", (n) => {
    expect(roundTrip(n)).toBe(n);
  });

  it.each([0, 1, 23, 24, 31, 32, 255, 256, 5461, 5462, 65535, 65536, 100_000])(
    "texts of %d characters come back",
    (n) => {
      for (const unit of ["a", "é", "日", "😀"]) expect(roundTrip(unit.repeat(n))).toBe(unit.repeat(n));
      expect(roundTrip(`${"a".repeat(n)}é`)).toBe(`${"a".repeat(n)}é`);
    },
  );

  it("errors come back as errors, with class, text, cause and data", () => {
    const error = Object.assign(new TypeError("no", { cause: new RangeError("deep") }), {
      code: "E_X",
      info: { n: 1 },
    });
    const back = roundTrip({ error });
    expect(back).toEqual({ error });
    expect(back).toHaveProperty("error.stack", error.stack);
    expect(back).toHaveProperty("error.cause.message", "deep");
    expect(back).toHaveProperty("error.info", { n: 1 });
  });

  it("own all their memory: bytes do not change when the frame's buffer does", () => {
    const encoded = codec.encode({ bytes: Uint8Array.of(1, 2, 3), floats: Float64Array.of(1.5) });
    const back = codec.decode(encoded);
    encoded.fill(0xff);
    expect(back).toEqual({ bytes: Uint8Array.of(1, 2, 3), floats: Float64Array.of(1.5) });
  });

  it("a Buffer arrives as a plain Uint8Array, a view as what it shows only", () => {
    const back = roundTrip(Buffer.from("abc"));
    expect(Object.getPrototypeOf(back)).toBe(Uint8Array.prototype);
    expect(roundTrip(new Float32Array([1, 2, 3, 4]).subarray(1, 3))).toEqual(Float32Array.of(2, 3));
    expect(roundTrip(new DataView(Uint8Array.of(1, 2, 3, 4).buffer, 1, 2))).toHaveProperty("byteLength", 2);
  });

  it("holes in arrays arrive as undefined, objects without prototype as objects", () => {
    expect(roundTrip(new Array(2))).toStrictEqual([undefined, undefined]);
    expect(roundTrip(Object.assign(Object.create(null), { a: 1 }))).toStrictEqual({ a: 1 });
  });

  it("nest as deep as the bound says, in every kind of container", () => {
    for (const wrap of [
      (v: unknown) => [v],
      (v: unknown) => ({ v }),
      (v: unknown) => new Map([[1, v]]),
      (v: unknown) => new Set([v]),
    ]) {
      let deep: unknown = 1;
      for (let i = 0; i < MAX_VALUE_DEPTH; i++) deep = wrap(deep);
      expect(inspect(roundTrip(deep), { depth: 200 })).toBe(inspect(deep, { depth: 200 }));
      expect(refusalOf(wrap(deep)).message).toContain("nested deeper");
    }
  });

  it("are written as another implementation of msgpack writes and reads them", () => {
    const other = new Encoder();
    const reader = new Decoder();
    const common = fc.letrec((tie) => ({
      any: fc.oneof(
        { depthSize: "small" },
        fc.constantFrom(null, true, false),
        fc.maxSafeInteger(),
        fc.double().filter((n) => !Object.is(n, -0)), // whose sign the other one drops
        text,
        fc.uint8Array(),
        fc.array(tie("any")),
        fc.dictionary(
          text.filter((key) => key !== "__proto__"),
          tie("any"),
          { noNullPrototype: true },
        ),
      ),
    })).any;
    fc.assert(
      fc.property(common, (v) => {
        const ours = Buffer.from(codec.encode(v));
        expect(ours.equals(other.encode(v))).toBe(true);
        expect(codec.decode(ours)).toStrictEqual(reader.decode(Uint8Array.from(ours)));
      }),
      { numRuns: 300 },
    );
  });
});

describe("what cannot be encoded", () => {
  class Plain {
    x = 1;
  }
  const cycle: { self?: unknown } = {};
  cycle.self = [cycle];
  const trap = new Proxy(
    {},
    {
      ownKeys: () => {
        throw new Error("trap");
      },
    },
  );

  it.each([
    ["a function", { a: [1, { f() {} }] }, "args.a[1].f: a function"],
    ["a symbol", { s: Symbol("x") }, "args.s: a symbol"],
    ["a class instance", { user: new Plain() }, "args.user: an instance of Plain"],
    [
      "an object with toJSON",
      {
        d: new (class Dollar {
          toJSON() {
            return 1;
          }
        })(),
      },
      "args.d: an instance of Dollar",
    ],
    ["a promise", [Promise.resolve()], "args[0]: an instance of Promise"],
    ["a WeakMap", new WeakMap(), "args: an instance of WeakMap"],
    ["a boxed primitive", { n: Object(1) }, "args.n: an instance of Number"],
    ["a subclass of a built-in", { m: new (class Bag extends Map {})() }, "args.m: an instance of Bag"],
    ["an invalid date", { d: new Date(Number.NaN) }, "args.d: an invalid Date"],
    ["a cycle", cycle, "args.self[0]: refers back"],
    ["a value nested too deep", nested(MAX_VALUE_DEPTH + 1), "is nested deeper than"],
    [
      "a getter that throws",
      {
        get a() {
          throw new Error("getter");
        },
      },
      "args.a: cannot be read: getter",
    ],
    ["a proxy that throws", { p: trap }, "args.p: cannot be read: trap"],
    ["a map with a bad value", { m: new Map([["k", () => {}]]) }, "args.m.k: a function"],
    ["a map with a bad key", { m: new Map([[() => {}, 1]]) }, 'args.m["(key)"]: a function'],
    ["a set with a bad item", [new Set([1, Symbol("x")])], "args[0][1]: a symbol"],
  ])("B18 %s is refused with its path", (_what, bad, message) => {
    const error = refusalOf(bad);
    expect(error.message).toContain(message);
    expect(error.slot).toBe("args");
  });

  it("B18 is named field by field, the first few", () => {
    const error = refusalOf({
      a: () => {},
      b: 1,
      c: { d: Symbol("x") },
      e: Array.from({ length: 99 }, () => () => {}),
    });
    expect(error.issues.slice(0, 2).map((issue) => issue.path)).toEqual([["a"], ["c", "d"]]);
    expect(error.issues).toHaveLength(8);
  });

  it("is found in bounded time where a value refers to one part many times over", () => {
    let wide: unknown = { f: () => {} };
    for (let i = 0; i < 60; i++) wide = [wide, wide];
    expect(refusalOf(wide).issues.length).toBeGreaterThan(0);
    let sound: unknown = 1;
    for (let i = 0; i < 60; i++) sound = [sound, sound];
    expect(refusalOf(sound, new ValueCodec({ maxBytes: 1 << 16 })).message).toContain("longer than maxFrameBytes");
  });

  it("is refused before it takes more memory than a frame", () => {
    const sparse: unknown[] = [];
    sparse.length = 2 ** 32 - 1;
    expect(refusalOf(sparse, new ValueCodec({ maxBytes: 1 << 16 })).message).toContain("longer than maxFrameBytes");
  });
});

describe("custom types", () => {
  class Money {
    readonly #cents: number;
    constructor(cents: number) {
      this.#cents = cents;
    }
    get cents(): number {
      return this.#cents;
    }
  }
  const money: ExtensionType<Money> = {
    name: "money",
    match: (v): v is Money => v instanceof Money,
    encode: (v) => ({ cents: v.cents }),
    decode(data) {
      if (typeof data !== "object" || data === null || !("cents" in data) || typeof data.cents !== "number") {
        throw new TypeError("money has cents");
      }
      return new Money(data.cents);
    },
  };
  const rich = new ValueCodec({ extensions: [money] });

  it("B54 encode and decode where their codec was given", () => {
    const back = roundTrip({ price: [new Money(5)] }, rich);
    expect(back).toHaveProperty("price[0].cents", 5);
    expect(back).toHaveProperty("price[0]", expect.any(Money));
  });

  it("B54 do not encode where it was not given", () => {
    expect(refusalOf({ price: new Money(5) }).message).toContain("args.price: an instance of Money");
  });

  it("B54 do not decode where it was not given, nor from data that it refuses", () => {
    expect(() => codec.decode(rich.encode(new Money(5)))).toThrow(/"money", for which this side was given no codec/);
    const lax = new ValueCodec({ extensions: [{ ...money, encode: () => "free" }] });
    expect(() => rich.decode(lax.encode(new Money(5)))).toThrow(/"money" of this side refuses: money has cents/);
  });

  it("have different names", () => {
    expect(() => new ValueCodec({ extensions: [money, { ...money }] })).toThrow('got "money" twice');
  });

  it("whose encode throws or never ends are refused with their path", () => {
    const broken = {
      ...money,
      encode: () => {
        throw new Error("broke");
      },
    };
    expect(refusalOf({ a: new Money(1) }, new ValueCodec({ extensions: [broken] })).message).toContain("broke");
    const endless = { ...money, encode: (v: Money) => v };
    expect(refusalOf([new Money(1)], new ValueCodec({ extensions: [endless] })).message).toContain("args[0]");
  });
});

describe("for a plain peer", () => {
  const plain = new ValueCodec({ plain: true });

  it("only msgpack's own types are written", () => {
    const sent = { u: undefined, m: new Map([["a", 1]]), s: new Set([1]), f: Float32Array.of(1), n: 5n, b: 2n ** 63n };
    expect(roundTrip(sent, plain)).toEqual({
      u: null,
      m: { a: 1 },
      s: [1],
      f: new Uint8Array(Float32Array.of(1).buffer),
      n: 5,
      b: 2n ** 63n,
    });
  });

  it.each([[/a/], [new URL("http://x")], [new Error("x")], [2n ** 64n]])("%s is refused", (bad) => {
    expect(refusalOf([bad], plain).issues[0]?.path).toEqual([0]);
  });
});

describe("bytes from outside", () => {
  const hostile = [
    "__proto__",
    "constructor",
    "prototype",
    "toString",
    "hasOwnProperty",
    "__defineGetter__",
    "valueOf",
  ];

  it.each(hostile)("the key %s arrives as an own property and reaches no prototype", (key) => {
    const bytes = Buffer.concat([
      Buffer.of(0x81),
      Buffer.from(codec.encode(key)),
      Buffer.from(codec.encode({ polluted: 1 })),
    ]);
    const map = codec.decode(bytes);
    expect(Object.getPrototypeOf(map)).toBe(Object.prototype);
    expect(Object.getOwnPropertyDescriptor(map, key)?.value).toEqual({ polluted: 1 });
    expect(Object.hasOwn({}, "polluted") || "polluted" in {} || "polluted" in Object).toBe(false);
    expect(Buffer.from(codec.encode(map)).equals(bytes)).toBe(true);
  });

  it("hostile keys in the data of an error reach no prototype", () => {
    const boxed = JSON.parse(
      '{"kind":"error","type":"Error","name":"E","message":"m","data":{"__proto__":{"polluted":1},"stack":1,"message":2}}',
    );
    const inner = codec.encode(boxed);
    const back = codec.decode(Buffer.concat([Buffer.of(0xc8, inner.length >> 8, inner.length, 4), inner]));
    expect(back).toBeInstanceOf(Error);
    expect(back).toHaveProperty("message", "m");
    expect("polluted" in Object(back)).toBe(false);
  });

  it("a map with keys that are not texts arrives as a Map", () => {
    expect(codec.decode(Buffer.from("82a1610101a162", "hex"))).toEqual(
      new Map<unknown, unknown>([
        ["a", 1],
        [1, "b"],
      ]),
    );
  });

  it.each([
    ["a huge array", "dd7fffffff"],
    ["a huge map", "df7fffffff"],
    ["a huge text", "dbffffffff"],
    ["huge bytes", "c6ffffffff"],
    ["a huge extension", "c9ffffffff01"],
    ["arrays in arrays, each claiming all the rest", "dd00000fff".repeat(1000)],
    ["an endless nest", "91".repeat(5000)],
    ["an endless nest of maps", "81a161".repeat(5000)],
    ["an endless nest of extensions", "c9000000ff08".repeat(5000)],
    ["the byte that is no type", "c1"],
    ["two values", "0101"],
    ["nothing", ""],
    ["a timestamp of odd length", "c703ff010203"],
    ["a boxed error without fields", "c7010480"],
    [
      "a boxed error whose cause is not one",
      `c7${"2e"}0485a46b696e64a56572726f72a474797065a145a46e616d65a145a76d657373616765a16da5636175736501`,
    ],
  ])("B47 %s is refused at once and with little memory", (_what, hex) => {
    const before = process.memoryUsage().heapUsed;
    expect(() => codec.decode(Buffer.from(hex, "hex"))).toThrow(ProtocolError);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(8 << 20);
  });

  it("B47 garbage, and valid values with bytes changed, give a value or a ProtocolError", () => {
    const mutated = fc
      .tuple(value, fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 4 }), fc.nat())
      .map(([v, changes, cut]) => {
        const bytes = Buffer.from(codec.encode(v));
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        return cut % 3 === 0 ? bytes.subarray(0, cut % bytes.length) : bytes;
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), mutated), (bytes) => {
        try {
          codec.decode(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it("a codec goes on after it has refused something", () => {
    expect(() => codec.decode(Buffer.from("91".repeat(200), "hex"))).toThrow(ProtocolError);
    expect(roundTrip([1, { a: [2] }])).toEqual([1, { a: [2] }]);
  });
});
