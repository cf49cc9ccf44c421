import { describe, expect, it } from "vitest";
import { MAX_LOG_RECORD_CHARS } from "../../core/log/limits.ts";
import { type LogFields, plainRecord } from "../../core/log/record.ts";

function plain(fields: LogFields): LogFields {
  const record = { time: 0, level: "info", actor: "a", pid: 1, event: "log", message: "m" } as const;
  return plainRecord({ ...record, fields }).fields ?? {};
}

describe("the fields of a record", () => {
  it("are plain data, whatever they were", () => {
    class Point {
      x = 1;
    }
    const fields = {
      text: "t",
      number: 1.5,
      nan: Number.NaN,
      big: 2n,
      flag: true,
      nothing: null,
      missing: undefined,
      at: new Date(0),
      never: new Date(Number.NaN),
      url: new URL("http://x.example/"),
      list: [1, [2]],
      map: new Map([[1, "one"]]),
      point: new Point(),
      call: Math.max,
      symbol: Symbol("s"),
    };
    const copy = plain(fields);
    expect(copy).toEqual({
      text: "t",
      number: 1.5,
      nan: "NaN",
      big: "2",
      flag: true,
      nothing: null,
      at: "1970-01-01T00:00:00.000Z",
      never: "Invalid Date",
      url: "http://x.example/",
      list: [1, [2]],
      map: "Map(1) { 1 => 'one' }",
      point: "Point { x: 1 }",
      call: expect.stringContaining("function max"),
      symbol: "Symbol(s)",
    });
    expect(JSON.parse(JSON.stringify(copy))).toEqual(copy);
  });

  it("tell an error with its name, code, stack, causes and members", () => {
    const cause = Object.assign(new TypeError("why"), { code: "E_WHY" });
    const error = new RangeError("what", { cause });
    expect(plain({ error })).toMatchObject({
      error: {
        name: "RangeError",
        message: "what",
        stack: expect.stringMatching(/RangeError: what\n\s+at .*record\.test\.ts[\s\S]*\[cause\]: TypeError: why/),
        cause: { name: "TypeError", message: "why", code: "E_WHY" },
      },
    });
    const group = new AggregateError([new Error("one"), "two"], "both");
    expect(plain({ group })).toMatchObject({ group: { errors: [{ message: "one" }, "two"] } });
  });

  it("end where they are circular, deep or long", () => {
    const circle: Record<string, unknown> = { name: "c" };
    circle.self = circle;
    const wide = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`key${i}`, [i, i, i]]));
    for (const fields of [circle, wide, { text: "x".repeat(1_000_000) }, { list: new Array(1_000_000).fill(1) }]) {
      expect(JSON.stringify(plain(fields)).length).toBeLessThan(3 * MAX_LOG_RECORD_CHARS);
    }
    expect(plain({ text: "x".repeat(20_000) }).text).toMatch(/^x+… \(\d+ more characters\)$/);
  });

  it("do not become a prototype", () => {
    const fields = JSON.parse('{"__proto__": {"polluted": true}, "kept": 1}');
    expect(plain(fields)).toEqual({ kept: 1 });
  });
});
