import { inspect } from "node:util";
import { Cancelled, isCancelled } from "../../core/errors/mod.ts";
import { catchGroup, ExceptionGroup } from "../../core/exception-group.ts";
import { describe, expect, it } from "../support/it.ts";

const cancelled = () => new Cancelled({ source: "cancel", reason: "test" });

describe("ExceptionGroup", () => {
  it("is an AggregateError that holds at least one error", () => {
    const group = new ExceptionGroup("two", [new TypeError("a"), "b"]);
    expect(group).toBeInstanceOf(AggregateError);
    expect(group.errors).toEqual([new TypeError("a"), "b"]);
    expect(() => new ExceptionGroup("none", [])).toThrow(RangeError);
  });

  it("split keeps the nesting of both halves, and their message, stack and cause", () => {
    const inner = new ExceptionGroup("inner", [new TypeError("t"), new RangeError("r")], { cause: "why" });
    const group = new ExceptionGroup("outer", [inner, new TypeError("t2")]);
    const [types, rest] = group.split(TypeError);
    expect(types?.leaves()).toEqual([new TypeError("t"), new TypeError("t2")]);
    expect(rest).toMatchObject({ message: "outer", stack: group.stack, errors: [{ message: "inner", cause: "why" }] });
    expect(rest?.leaves()).toEqual([new RangeError("r")]);
  });

  it("a half with everything is the group itself, a half with nothing is null", () => {
    const group = new ExceptionGroup("g", [new TypeError("t")]);
    expect(group.split(TypeError)).toEqual([group, null]);
    expect(group.split(TypeError)[0]).toBe(group);
    expect(group.split(RangeError)[1]).toBe(group);
    expect(group.subgroup(RangeError)).toBeNull();
  });

  it("leaves no group that is empty, at any depth", () => {
    const group = new ExceptionGroup("o", [new ExceptionGroup("i", [new TypeError("t")]), new RangeError("r")]);
    expect(group.subgroup(RangeError)?.errors).toEqual([new RangeError("r")]);
  });

  it("a subclass that overrides derive stays itself", () => {
    class Mine extends ExceptionGroup {
      override derive(errors: readonly unknown[]): Mine {
        return new Mine(this.message, errors);
      }
    }
    const [a, b] = new Mine("m", [new TypeError("t"), 1]).split(TypeError);
    expect([a, b]).toEqual([expect.any(Mine), expect.any(Mine)]);
  });

  it("leaves() gives every error in order", () => {
    const group = new ExceptionGroup("g", [1, new ExceptionGroup("h", [2, new ExceptionGroup("i", [3])]), 4]);
    expect(group.leaves()).toEqual([1, 2, 3, 4]);
  });

  it("knows whether a Cancelled is anywhere in it, and parts from them", () => {
    const clean = new ExceptionGroup("clean", [new ExceptionGroup("deep", [new Error("e")])]);
    const mixed = new ExceptionGroup("mixed", [clean, new ExceptionGroup("deep", [cancelled(), new Error("f")])]);
    expect(clean.holdsCancelled).toBe(false);
    expect(mixed.holdsCancelled).toBe(true);
    const [gone, rest] = mixed.split(isCancelled);
    expect(gone?.leaves()).toEqual([expect.any(Cancelled)]);
    expect(rest?.errors[0]).toBe(clean);
    expect(rest?.leaves()).toEqual([new Error("e"), new Error("f")]);
    expect(rest?.holdsCancelled).toBe(false);
  });

  it("100,000 groups in each other overflow nothing", () => {
    let group = new ExceptionGroup("0", [new TypeError("deep"), cancelled()]);
    Error.stackTraceLimit = 0;
    for (let i = 1; i < 100_000; i++) group = new ExceptionGroup(String(i), [group]);
    Error.stackTraceLimit = 10;
    expect(group.holdsCancelled).toBe(true);
    expect(group.split(isCancelled)[1]?.leaves()).toEqual([new TypeError("deep")]);
    expect(group.subgroup(RangeError)).toBeNull();
  });

  it("is printed as a tree, equal errors once with their count", () => {
    const shared = cancelled();
    const text = inspect(
      new ExceptionGroup("outer", [shared, shared, new ExceptionGroup("inner", [new Error("leaf")])]),
    );
    expect(text).toContain("ExceptionGroup: outer");
    expect(text).toContain("+-- 1 (2 times): ");
    expect(text).toMatch(/^ {2}\| \+-- 2: ExceptionGroup: inner/m);
    expect(text).toMatch(/^ {2}\| {3}\| \+-- 1: Error: leaf/m);
  });

  it("prints no more than it must of a large group", () => {
    const text = inspect(
      new ExceptionGroup(
        "many",
        Array.from({ length: 100 }, (_, i) => i),
      ),
    );
    expect(text).toContain("… and 85 more");
  });
});

describe("catchGroup", () => {
  it("hands over what matches, and throws the rest", () => {
    const seen: unknown[] = [];
    const group = new ExceptionGroup("g", [new TypeError("t"), new RangeError("r")]);
    expect(() => catchGroup(group, TypeError, (matched) => seen.push(...matched.errors))).toThrow(
      expect.objectContaining({ errors: [new RangeError("r")] }),
    );
    expect(seen).toEqual([new TypeError("t")]);
  });

  it("takes an error that is no group for a group of one", () => {
    const seen: unknown[] = [];
    catchGroup(new TypeError("t"), TypeError, (matched) => seen.push(...matched.errors));
    expect(seen).toEqual([new TypeError("t")]);
    expect(() => catchGroup("x", TypeError, () => {})).toThrow("x");
  });
});
