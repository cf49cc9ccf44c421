/** What a worker throws, as data and back. The worker's half runs in a thread; here both halves meet without one. */
import { ExceptionGroup } from "../../core/exception-group.ts";
import { WorkerDied } from "../../core/sc/worker-errors.ts";
import { packThrown, unpackThrown } from "../../core/sc/worker-message.ts";
import { describe, expect, it } from "../support/it.ts";

const relayed = (thrown: unknown): unknown => unpackThrown(structuredClone(packThrown(thrown)));

describe("what is thrown in a worker", () => {
  it.each([
    new RangeError("range"),
    new TypeError("type"),
    new SyntaxError("syntax"),
    new ReferenceError("reference"),
    new URIError("uri"),
    new EvalError("eval"),
    new DOMException("dom", "AbortError"),
    new AggregateError([new Error("one"), "two"], "several"),
    new ExceptionGroup("group", [new Error("one")]),
  ])("comes back as itself where its class is built in: %s", (thrown) => {
    const back = relayed(thrown);
    expect(back).toBeInstanceOf(thrown.constructor);
    expect(back).toMatchObject({ name: thrown.name, message: thrown.message, stack: thrown.stack });
    if (thrown instanceof AggregateError) {
      expect((back as AggregateError).errors.map(String)).toEqual(thrown.errors.map(String));
    }
  });

  it("keeps the name, the data and the cause of a class of the user's, as the built-in one it extends", () => {
    class Custom extends RangeError {
      override name = "Custom";
      readonly at = { line: 3 };
    }
    const back = relayed(new Custom("custom", { cause: new TypeError("why") }));
    expect(back).toBeInstanceOf(RangeError);
    expect(back).toMatchObject({ name: "Custom", at: { line: 3 }, cause: expect.any(TypeError) });
  });

  it.each([[undefined], [null], ["text"], [{ not: "an error" }]])("keeps a thrown non-error: %j", (thrown) => {
    expect(relayed(thrown)).toEqual(thrown);
  });

  it("keeps circles, shares what was shared, and says what it cannot keep", () => {
    const error: Error & { self?: unknown; fn?: unknown } = new Error("circle");
    error.self = error;
    error.fn = () => 1;
    error.cause = error;
    const back = relayed(error) as typeof error;
    expect(back.self).toBe(back);
    expect(back.cause).toBe(back);
    expect(back.fn).toMatch(/^\[not relayed: \[Function/);
  });

  it("survives an error whose properties throw when they are read, or are not what they should be", () => {
    const nasty = new Error("nasty");
    Object.defineProperty(nasty, "stack", { value: 42 });
    Object.defineProperty(nasty, "message", { value: undefined });
    Object.defineProperty(nasty, "name", {
      get() {
        throw new Error("no name for you");
      },
    });
    const back = relayed(nasty) as Error;
    expect([back.message, back.stack]).toEqual(["", undefined]);
    expect(back.name).toMatch(/^\[not relayed: reading it threw/);
    const nameless = Object.defineProperty(new Error("x"), "name", { value: undefined });
    expect((relayed(nameless) as Error).name).toBe("Error");
  });

  it("keeps no more errors than its bound, and says which it left out", () => {
    const members = Array.from({ length: 300 }, (_, i) => new Error(`member ${i}`));
    const back = relayed(new AggregateError(members, "many")) as AggregateError;
    expect(back.errors.length).toBe(300);
    expect(back.errors[0]).toBeInstanceOf(Error);
    expect(back.errors.at(-1)).toBe("[not relayed: Error: member 299]");
  });

  it("tells of a thread's death with what it died of, error or not", () => {
    expect(new WorkerDied("m.f", 1, { cause: "out of luck" }).message).toMatch(/out of luck$/);
    expect(new WorkerDied("m.f", 1, { cause: new Error("out of memory") }).message).toMatch(/out of memory$/);
  });
});
