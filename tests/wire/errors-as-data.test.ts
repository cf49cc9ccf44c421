import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ActorTooSlowError,
  Cancelled,
  ContextCancelled,
  FunctionNotFound,
  ModuleNotExposed,
  MsgTypeError,
  NoRuntime,
  RemoteActorError,
  StreamOverrun,
  TooSlowError,
  TransportClosed,
} from "../../core/errors/mod.ts";
import { ExceptionGroup } from "../../core/exception-group.ts";
import {
  boxError,
  type ErrorMsg,
  ErrorRegistry,
  FEATURES,
  FrameWriter,
  MAX_CAUSE_DEPTH,
  MAX_FRAME_BYTES,
  MAX_GROUP_ERRORS,
  MessageCodec,
  originOf,
  unboxError,
} from "../../core/wire/mod.ts";

const origin = { name: "origin", uuid: "11111111-0000" };
const middle = { name: "middle", uuid: "22222222-0000" };
const third = { name: "third", uuid: "33333333-0000" };
const ours = new MessageCodec({ spelling: "compact", features: new Set(FEATURES) });
const plain = new MessageCodec({ spelling: "named", features: new Set() });

/** Throw it in `origin`, send it, raise it here. */
function send(thrown: unknown, registry?: ErrorRegistry, codec = ours, from = origin): Error {
  const out = new FrameWriter();
  codec.append({ msg_type: "Error", cid: codec === plain ? "c" : 1, ...boxError(thrown, from, { registry }) }, out);
  const frame = Buffer.concat(out.take());
  expect(frame.length).toBeLessThan(MAX_FRAME_BYTES / 4);
  const message = codec.decode(frame.subarray(4));
  if (message.msg_type !== "Error") throw new Error(`sent an Error, got ${message.msg_type}`);
  return unboxError(message, registry);
}

function remote(error: unknown): RemoteActorError {
  expect(error).toBeInstanceOf(RemoteActorError);
  if (!(error instanceof RemoteActorError)) throw new Error("unreachable");
  return error;
}

class NotFound extends Error {
  override readonly name = "NotFound";
  readonly key: string;
  constructor(key: string, options?: ErrorOptions) {
    super(`no ${key}`, options);
    this.key = key;
  }
  get upper(): string {
    return this.key.toUpperCase();
  }
}

describe("a remote error", () => {
  it("B13 keeps name, message, stack, cause chain, data and origin", () => {
    const thrown = Object.assign(new NotFound("x", { cause: new RangeError("inner", { cause: "why" }) }), {
      code: "E_NF",
      info: { tries: [1, 2], when: new Date(0), seen: new Set(["a"]) },
    });
    const error = remote(send(thrown));
    expect(error.message).toBe("NotFound: no x (in actor origin@11111111)");
    expect(error.remoteName).toBe("NotFound");
    expect(error.remoteMessage).toBe("no x");
    expect(error.remoteStack).toBe(thrown.stack);
    expect(error.srcActor).toEqual(origin);
    expect(error.relayPath).toEqual([origin]);
    expect(error.data).toEqual({ key: "x", code: "E_NF", info: thrown.info });
    expect(error.cause).toBeInstanceOf(RangeError);
    expect(error.cause).toHaveProperty("cause", "why");
    expect(error.cause).toHaveProperty("stack", expect.stringContaining("errors-as-data.test.ts"));
  });

  it("B13 whose cause is of an unknown class keeps that as a remote error too", () => {
    const error = remote(send(new Error("outer", { cause: new NotFound("y") })));
    expect(remote(error.cause)).toMatchObject({ remoteName: "NotFound", srcActor: origin, data: { key: "y" } });
  });

  it("B14 of a registered class is itself in the box", () => {
    const registry = new ErrorRegistry().register(NotFound);
    const error = remote(send(new NotFound("x", { cause: new NotFound("y") }), registry));
    expect(error.boxed).toBeInstanceOf(NotFound);
    expect(error.boxed).toMatchObject({ name: "NotFound", message: "no x", key: "x", upper: "X" });
    expect(error.boxed).toHaveProperty("cause.upper", "Y");
    expect(Object.prototype.toString.call(error.boxed)).toBe("[object Error]");
  });

  it("B14 of a built-in class is itself in the box, of an unregistered one keeps its text", () => {
    const aborted = remote(send(AbortSignal.abort().reason)).boxed;
    expect(aborted).toBeInstanceOf(DOMException);
    expect(aborted).toHaveProperty("name", "AbortError");
    expect(remote(send(new TypeError("t"))).boxed).toBeInstanceOf(TypeError);
    expect(remote(send(new TooSlowError(5))).boxed).toMatchObject({ constructor: TooSlowError, timeoutMs: 5 });
    const error = remote(send(new NotFound("x")));
    expect(error.boxed).toBeUndefined();
    expect(inspect(error)).toContain("NotFound: no x");
  });

  it("B14 a class can be registered under another name and be revived by a function", () => {
    class Secret extends Error {
      readonly #pin: number;
      constructor(pin: number) {
        super("secret");
        this.#pin = pin;
      }
      get pin(): number {
        return this.#pin;
      }
      get [Symbol.toStringTag](): string {
        return "Secret";
      }
    }
    const registry = new ErrorRegistry().register(Secret, {
      name: "app.Secret",
      revive: ({ data }) => {
        const pin: unknown = data?.hint;
        if (typeof pin !== "number") throw new TypeError("hint");
        return new Secret(pin);
      },
    });
    const thrown = Object.assign(new Secret(1), { hint: 7 });
    expect(remote(send(thrown, registry)).boxed).toHaveProperty("pin", 7);
    expect(remote(send(new Secret(1), registry)).boxed).toBeUndefined();
    expect(() => registry.register(NotFound, { name: "app.Secret" })).toThrow(RangeError);
  });

  it.each([["text"], [5], [null], [undefined], [false], [2n ** 70n], [{ a: [1] }], [[1]], [new Map([[1, 2]])]])(
    "B14 a thrown %s keeps its value",
    (thrown) => {
      const error = remote(send(thrown));
      expect(error.boxed).toEqual(thrown);
      expect(error.remoteStack).toBeUndefined();
    },
  );

  it("a thrown Cancelled does not become a local cancellation", () => {
    expect(remote(send(new Cancelled({ source: "cancel", reason: "r" }))).boxed).toBeUndefined();
  });

  it("B14 groups keep their structure, with each member as it would come alone", () => {
    const registry = new ErrorRegistry().register(NotFound);
    const thrown = new ExceptionGroup("two", [
      new NotFound("x"),
      new ExceptionGroup("inner", [new TypeError("t"), "thrown text"]),
      new (class Odd extends Error {})("odd"),
    ]);
    const group = remote(send(thrown, registry)).boxed;
    expect(group).toBeInstanceOf(ExceptionGroup);
    if (!(group instanceof ExceptionGroup)) return;
    expect(group.message).toBe("two");
    expect(group.leaves()[0]).toBeInstanceOf(NotFound);
    expect(group.leaves()[1]).toBeInstanceOf(TypeError);
    expect(group.leaves()[2]).toBe("thrown text");
    expect(remote(group.leaves()[3]).remoteMessage).toBe("odd");
    expect(group.split(NotFound)[0]?.leaves()).toHaveLength(1);
    const many = remote(send(new AggregateError([new Error("a")], "agg"))).boxed;
    expect(many).toBeInstanceOf(AggregateError);
    expect(many).not.toBeInstanceOf(ExceptionGroup);
  });

  it("B16 relayed through other actors keeps its origin and the whole path", () => {
    const registry = new ErrorRegistry().register(NotFound);
    const first = send(new NotFound("x", { cause: new Error("c") }));
    const second = remote(send(first, registry, ours, middle));
    expect(second.srcActor).toEqual(origin);
    expect(second.relayPath).toEqual([origin, middle]);
    expect(second.remoteStack).toBe(remote(first).remoteStack);
    expect(second.data).toEqual({ key: "x" });
    // The actor in the middle does not know the class; it hands it on all the same.
    expect(second.boxed).toBeInstanceOf(NotFound);
    expect(second.cause).toHaveProperty("message", "c");
  });

  it("B16 as the cause of another, or in a group, keeps its own origin and path", () => {
    const first = send(new NotFound("x"));
    const wrapped = remote(send(new Error("mine", { cause: first }), undefined, ours, middle));
    expect(wrapped.srcActor).toEqual(middle);
    expect(remote(wrapped.cause)).toMatchObject({ srcActor: origin, relayPath: [origin], remoteName: "NotFound" });
    const group = remote(send(new ExceptionGroup("g", [first]), undefined, ours, middle)).boxed;
    expect(group).toHaveProperty("errors.0.srcActor", origin);
  });

  it("B16 relayed as the runtime's own, keeps its origin and the whole path, which can be asked for", () => {
    const first = send(new ModuleNotExposed("feed", ["shop"]));
    expect(originOf(first)).toEqual({ srcActor: origin, relayPath: [origin] });
    const second = send(first, undefined, ours, middle);
    expect(second).toBeInstanceOf(ModuleNotExposed);
    expect(originOf(second)).toEqual({ srcActor: origin, relayPath: [origin, middle] });
    const group = remote(send(new ExceptionGroup("g", [second, new TypeError("mine")]), undefined, ours, third));
    expect(originOf(group)).toEqual({ srcActor: third, relayPath: [third] });
    const { errors } = group.boxed as ExceptionGroup;
    expect(errors.map(originOf)).toEqual([
      { srcActor: origin, relayPath: [origin, middle] },
      { srcActor: third, relayPath: [third] },
    ]);
  });

  it("B16 taken out of its box and thrown again, keeps its origin", () => {
    const registry = new ErrorRegistry().register(NotFound);
    const { boxed } = remote(send(new NotFound("x", { cause: new RangeError("c") }), registry));
    const again = remote(send(boxed, registry, ours, middle));
    expect(again).toMatchObject({ srcActor: origin, relayPath: [origin, middle] });
    expect(originOf(again.cause)).toEqual({ srcActor: origin, relayPath: [origin] });
    const group = remote(send(new ExceptionGroup("g", [new Error("x")]), registry)).boxed;
    expect(originOf(send(group, registry, ours, middle))).toEqual({ srcActor: origin, relayPath: [origin, middle] });
  });

  it("an error of this actor, and what is no error, has no origin elsewhere", () => {
    for (const thrown of [new Error("x"), new ModuleNotExposed("a", []), "text", 7, null, undefined, {}]) {
      expect(originOf(thrown)).toBeUndefined();
    }
  });

  it("B16 a path that runs in a ring is bounded", () => {
    let error = send(new Error("x"));
    for (let i = 0; i < 200; i++) error = send(error, undefined, ours, { name: `a${i}`, uuid: "u" });
    const { relayPath } = remote(error);
    expect(relayPath.length).toBeLessThanOrEqual(64);
    expect([relayPath[0]?.name, relayPath.at(-1)?.name]).toEqual(["origin", "a199"]);
  });
});

describe("the runtime's own errors", () => {
  it.each([
    new ModuleNotExposed("os", ["svc"]),
    new FunctionNotFound("svc", "nope"),
    new MsgTypeError("args", [{ path: ["a", 0], message: "bad" }], "dialog 1"),
    new StreamOverrun("full", "dialog 1"),
    new TransportClosed(middle, "reset"),
    new TransportClosed(undefined),
    new ActorTooSlowError(middle, 500),
    new NoRuntime("openNursery"),
    new ContextCancelled(middle, "asked", "dialog 1", { cause: new Error("c") }),
  ])("B18 come back as themselves: $name", (thrown) => {
    const error = send(thrown);
    expect(error.constructor).toBe(thrown.constructor);
    expect(error).toEqual(thrown);
    expect(error.stack).toBe(thrown.stack);
    expect({ ...error }).toEqual({ ...thrown });
  });

  it("carry the canceller in the protocol's own field", () => {
    const fields = boxError(new ContextCancelled(middle, "asked"), origin);
    expect(fields.canceller).toEqual([middle.name, middle.uuid]);
    expect(fields.boxed_type_str).toBe("ContextCancelled");
  });

  it("with facts that are not what the class declares stay in the box", () => {
    const fields = boxError(new ModuleNotExposed("os", []), origin);
    const forged: ErrorMsg = {
      msg_type: "Error",
      cid: 1,
      ...fields,
      boxed: {
        kind: "runtime",
        type: "ModuleNotExposed",
        name: "ModuleNotExposed",
        message: "m",
        data: { exposed: 1 },
      },
    };
    expect(unboxError(forged)).toBeInstanceOf(RemoteActorError);
  });
});

describe("with a plain peer", () => {
  it("B13 only the protocol's fields cross, and give a remote error", () => {
    const thrown = new NotFound("x", { cause: 1 });
    const error = remote(send(thrown, undefined, plain));
    expect(error).toMatchObject({
      remoteName: "NotFound",
      remoteMessage: "no x",
      remoteStack: thrown.stack,
      srcActor: origin,
    });
    expect(error.cause).toBeUndefined();
  });

  it("the protocol's own errors come back as themselves", () => {
    const cancelled = send(new ContextCancelled(middle, "asked"), undefined, plain);
    expect(cancelled).toBeInstanceOf(ContextCancelled);
    expect(cancelled).toMatchObject({ canceller: middle, dialog: "c" });
    expect(send(new StreamOverrun("full"), undefined, plain)).toBeInstanceOf(StreamOverrun);
    expect(send(new MsgTypeError("args", []), undefined, plain)).toBeInstanceOf(MsgTypeError);
    expect(send(new ModuleNotExposed("os", []), undefined, plain)).toBeInstanceOf(ModuleNotExposed);
  });

  it("a Python error without a message has the last line of its traceback", () => {
    const error = unboxError({
      msg_type: "Error",
      cid: "c",
      src_uid: ["py", "u"],
      src_type_str: "ValueError",
      boxed_type_str: "ValueError",
      relay_path: [["py", "u"]],
      message: "",
      tb_str: 'Traceback (most recent call last):\n  File "svc.py", line 1, in endpoint\nValueError: too small\n',
      canceller: null,
      sender: null,
      _bad_msg: null,
      _bad_msg_as_dict: null,
    });
    expect(remote(error).remoteMessage).toBe("too small");
  });

  it("B16 a relayed error says so in its type", () => {
    const fields = boxError(send(new NotFound("x"), undefined, plain), middle);
    expect(fields).toMatchObject({
      src_type_str: "NotFound",
      boxed_type_str: "RemoteActorError",
      relay_path: [
        ["origin", origin.uuid],
        ["middle", middle.uuid],
      ],
    });
  });
});

describe("boxing never fails and stays within its bounds", () => {
  const cyclic: Error & { self?: unknown } = new Error("cyclic");
  cyclic.cause = cyclic;
  cyclic.self = { cyclic };
  const { proxy: revoked, revoke } = Proxy.revocable(new Error("r"), {});
  revoke();
  const evil = (): never => {
    throw new Error("evil");
  };
  const trap = new Proxy(new Error("t"), {
    get: evil,
    has: evil,
    ownKeys: evil,
    getPrototypeOf: evil,
    getOwnPropertyDescriptor: evil,
  });
  const getters = Object.defineProperties(new Error("g"), {
    stack: { get: evil }, // first: the engine composes it from the others
    message: { get: evil },
    name: { get: evil },
    cause: { get: evil },
    code: { get: evil },
    constructor: { get: evil },
    data: { get: evil, enumerable: true },
  });
  const chain = (length: number, link: (inner: unknown) => Error): Error => {
    let error = new Error("innermost");
    for (let i = 0; i < length; i++) error = link(error);
    return error;
  };

  const horrors: [string, unknown][] = [
    ["a cycle of causes", cyclic],
    ["a revoked proxy", revoked],
    ["a proxy whose traps throw", trap],
    ["an error whose getters throw", getters],
    [
      "an object whose getters throw",
      {
        get a() {
          return evil();
        },
      },
    ],
    ["a function", () => {}],
    ["a symbol", Symbol("s")],
    ["a frozen error", Object.freeze(new Error("frozen"))],
    ["an object without prototype", Object.create(null)],
    ["an error without prototype", Object.setPrototypeOf(new Error("bare"), null)],
    [
      "a group that holds itself",
      (() => {
        const g = new AggregateError([], "g");
        g.errors.push(g, new Error("m"));
        return g;
      })(),
    ],
    ["a group whose errors are no list", Object.assign(new AggregateError([]), { errors: 5 })],
    ["a huge message", new Error("m".repeat(20_000_000))],
    [
      "huge data",
      Object.assign(new Error("d"), { text: "x".repeat(20_000_000), list: new Array(1_000_000).fill("item") }),
    ],
    ["huge bytes", Object.assign(new Error("d"), { bytes: new Uint8Array(20_000_000) })],
    ["a huge bigint", 1n << 100_000n],
    [
      "a wide group of large errors",
      new AggregateError(Array.from({ length: 500 }, (_, i) => new Error(`${i}`.repeat(20_000)))),
    ],
    ["a long chain of causes", chain(10_000, (cause) => new Error("link", { cause }))],
    ["a long chain of errors in data", chain(10_000, (inner) => Object.assign(new Error("link"), { inner }))],
    ["a long chain of groups", chain(10_000, (inner) => new AggregateError([inner]))],
    [
      "data that doubles at each level",
      Object.assign(new Error("d"), {
        data: ((): unknown => {
          let d: unknown = 1;
          for (let i = 0; i < 40; i++) d = { a: d, b: d };
          return d;
        })(),
      }),
    ],
    [
      "hostile keys",
      Object.assign(new Error("k"), JSON.parse('{"__proto__":{"x":1},"constructor":1,"prototype":2,"toString":3}')),
    ],
    [
      "data that inspects badly",
      Object.assign(new Error("i"), {
        x: new (class X {
          [inspect.custom]() {
            return evil();
          }
        })(),
      }),
    ],
    ["strange codes", Object.assign(new Error("c"), { code: { nested: Symbol("x") } })],
  ];

  it.each(horrors)("%s", (_what, thrown) => {
    for (const codec of [ours, plain]) {
      const error = send(thrown, undefined, codec);
      expect(error).toBeInstanceOf(Error);
      expect(inspect(error).length).toBeLessThan(4_000_000);
      expect(send(error, undefined, codec, middle)).toBeInstanceOf(Error);
    }
  });

  it("marks what was cut, left out or cannot be sent", () => {
    const error = remote(send(Object.assign(new Error("m".repeat(100_000)), { f() {}, ok: 1 })));
    expect(error.remoteMessage).toMatch(/m… \[truncated \d+ characters\]$/);
    expect(remote(send(Object.assign(new Error("x"), { f() {}, ok: 1 }))).data).toEqual({
      f: "[not sent: [Function: f]]",
      ok: 1,
    });
    const group = remote(send(new AggregateError(Array.from({ length: 100 }, (_, i) => new Error(`${i}`))))).boxed;
    expect(group).toHaveProperty("errors.length", MAX_GROUP_ERRORS + 1);
    expect(group).toHaveProperty(`errors.${MAX_GROUP_ERRORS}.message`, expect.stringContaining("36 more errors"));
    let depth = 0;
    for (let e: unknown = send(chain(100, (cause) => new Error("l", { cause }))); e instanceof Error; e = e.cause)
      depth++;
    expect(depth).toBe(MAX_CAUSE_DEPTH + 1);
  });

  it("anything at all can be thrown", () => {
    fc.assert(
      fc.property(
        fc.anything({
          withBigInt: true,
          withDate: true,
          withMap: true,
          withSet: true,
          withTypedArray: true,
          withSparseArray: true,
        }),
        (thrown) => {
          expect(send(thrown)).toBeInstanceOf(RemoteActorError);
          expect(send(Object.assign(new Error("x"), { thrown }))).toBeInstanceOf(RemoteActorError);
        },
      ),
      { numRuns: 300 },
    );
  });
});
