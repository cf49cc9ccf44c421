import { describe, expect, it } from "vitest";
import { journal } from "../../core/log/journal.ts";
import { LOG_LEVELS, type LogLevel } from "../../core/log/level.ts";
import { Log, logHere } from "../../core/log/log.ts";
import type { LogRecord } from "../../core/log/record.ts";
import { collectWarnings } from "../to_promise/promise-side.ts";

const actor = { name: "a", uuid: "12345678-9abc" };

/** What `body` logs while the journal of this process is open. */
function logged(level: LogLevel, body: () => void, fixed = false): LogRecord[] {
  const records: LogRecord[] = [];
  const close = journal.open({ actor, level, fixed, sink: (record) => void records.push(record) });
  try {
    body();
  } finally {
    close();
  }
  return records;
}

describe("the journal of a process", () => {
  it("takes nothing while no actor runs", () => {
    expect(LOG_LEVELS.filter((level) => journal.isEnabled(level))).toEqual([]);
    expect(logHere()).toBeUndefined();
    new Log().error("nobody hears this");
  });

  it.each(LOG_LEVELS)("at %s takes records of that level and those above", (level) => {
    const records = logged(level, () => {
      for (const one of LOG_LEVELS) journal.write(one, "event", one);
    });
    expect(records.map((record) => record.level)).toEqual(LOG_LEVELS.slice(LOG_LEVELS.indexOf(level)));
  });

  it("says when, who, where and what", () => {
    const before = Date.now();
    const [record] = logged("info", () => new Log({ task: "t", dialog: "d" }).info("hello", { n: 1 }));
    expect(record).toEqual({
      time: expect.any(Number),
      level: "info",
      actor: "a@12345678",
      pid: process.pid,
      event: "log",
      message: "hello",
      task: "t",
      dialog: "d",
      fields: { n: 1 },
    });
    expect((record?.time ?? 0) - before).toBeLessThan(1_000);
  });

  it("does not look at the fields of a record whose level is off", () => {
    const fields = {
      get costly(): never {
        throw new Error("was looked at");
      },
    };
    expect(logged("error", () => new Log().info("x", fields))).toEqual([]);
    expect(logged("info", () => new Log().info("x", fields))).toMatchObject([
      { message: "x", fields: { unprintable: "Error: was looked at" } },
    ]);
  });

  it("has a level that can be set, but not to what is none, nor past one that was set from outside", () => {
    const log = new Log();
    const messages = logged("warn", () => {
      log.info("one");
      log.level = "info";
      expect(log.level).toBe("info");
      log.info("two");
      expect(() => {
        log.level = "loud" as LogLevel;
      }).toThrow(/log.level: "loud" is not a log level; it is one of transport, runtime, cancel, info, warn, error/);
    }).map((record) => record.message);
    expect(messages).toEqual(["two"]);
    const fixed = logged(
      "warn",
      () => {
        log.level = "info";
        log.info("three");
      },
      true,
    );
    expect(fixed).toEqual([]);
  });

  it("survives a sink that throws, and says so once", async () => {
    const warnings = collectWarnings();
    const sink = () => {
      throw new Error("full");
    };
    const close = journal.open({ actor, level: "info", fixed: false, sink });
    new Log().warn("one");
    new Log().warn("two");
    close();
    await new Promise(setImmediate);
    warnings.stop();
    expect(warnings.names).toEqual(["LogSinkFailed"]);
  });
});
