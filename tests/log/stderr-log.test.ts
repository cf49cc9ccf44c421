import { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { jsonLine, prettyLine } from "../../core/log/format.ts";
import { MAX_PENDING_LOG_RECORDS } from "../../core/log/limits.ts";
import { type LogRecord, plainRecord } from "../../core/log/record.ts";
import { StderrLog } from "../../core/log/stderr-log.ts";

const BASE: LogRecord = {
  time: 1_234,
  level: "warn",
  actor: "feed@12345678",
  pid: 7,
  event: "log",
  message: "no ticks",
  fields: { symbol: "BTC", last: [1, 2], note: "for a while" },
};

/** A stream, or a terminal, whose reader reads when it is told to. */
class Screen extends Writable {
  text = "";
  #done: (() => void) | undefined;
  #reads: boolean;
  readonly isTTY: boolean;
  readonly colors: boolean;

  constructor({ isTTY = false, colors = false, reads = true } = {}) {
    super({ decodeStrings: false });
    this.isTTY = isTTY;
    this.colors = colors;
    this.#reads = reads;
  }

  hasColors(): boolean {
    return this.colors;
  }

  read(): void {
    this.#reads = true;
    this.#done?.();
  }

  override _write(chunk: string, _encoding: string, done: () => void): void {
    this.text += chunk;
    if (this.#reads) done();
    else this.#done = done;
  }
}

describe("the log on stderr", () => {
  it("is a JSON line for each record where stderr is no terminal", () => {
    const screen = new Screen();
    const log = new StderrLog({ stream: screen });
    log.write(BASE);
    log.write({ ...BASE, message: "two\nlines", task: "t", dialog: "d" });
    log.close();
    const lines = screen.text.split("\n").slice(0, -1);
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      BASE,
      { ...BASE, message: "two\nlines", task: "t", dialog: "d" },
    ]);
    expect(screen.text.startsWith(jsonLine(BASE))).toBe(true);
  });

  it("is pretty in a terminal, in colours where it has them", () => {
    const screen = new Screen({ isTTY: true });
    const log = new StderrLog({ stream: screen, since: 0 });
    log.write({ ...BASE, task: "reader", dialog: "feed.ticks" });
    log.close();
    expect(screen.text).toBe(
      '  1.234s warn      feed@12345678 no ticks dialog=feed.ticks task=reader symbol=BTC last=[1,2] note="for a while"\n',
    );
    const coloured = new Screen({ isTTY: true, colors: true });
    new StderrLog({ stream: coloured, since: 0 }).write(BASE);
    expect(coloured.text).toContain("\u001b[33mwarn     \u001b[0m");
  });

  it("shows an error below its line, and says nothing twice", () => {
    const fields = { error: new TypeError("bad", { cause: new Error("why") }), symbol: "BTC" };
    const record = plainRecord({ ...BASE, message: "BTC: TypeError: bad", fields });
    const [head, ...stack] = prettyLine(record, { colors: false, since: 0 }).split("\n");
    expect(head).toBe("  1.234s warn      feed@12345678 BTC: TypeError: bad");
    expect(stack[0]).toBe("    TypeError: bad");
    expect(stack.join("\n")).toMatch(/^ {4} +at .*stderr-log\.test\.ts[\s\S]*\[cause\]: Error: why/m);
  });

  it("does not let others steer the terminal", () => {
    const evil = { ...BASE, message: "\u001b[2Jgone\r\n", fields: { "k\u0007": "\u009b1m" } };
    const text = prettyLine(evil, { colors: false, since: 0 });
    expect(text.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
    expect(text).toContain("\\u001b[2Jgone\\u000d");
  });

  it("holds a bounded number of records for a reader that does not read, and tells what was dropped", () => {
    const screen = new Screen({ reads: false });
    const log = new StderrLog({ stream: screen });
    for (let i = 0; i < 50_000; i++) log.write({ ...BASE, message: `${i}` });
    const waiting = screen.writableLength;
    expect(waiting).toBeLessThan(300 * 1024);
    screen.read();
    return new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      log.close();
      const records = screen.text
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line));
      const lost = records.findIndex((record) => record.event === "log.dropped");
      expect(lost).toBeGreaterThan(MAX_PENDING_LOG_RECORDS);
      expect(lost + records[lost].fields.dropped).toBe(50_000);
      expect(screen.listenerCount("drain")).toBe(0);
    });
  });

  it("goes on without a reader that has gone, and does not take the program with it", async () => {
    const screen = new Screen();
    screen._write = (_chunk, _encoding, done: (error?: Error) => void) => done(new Error("EPIPE"));
    const log = new StderrLog({ stream: screen });
    log.write(BASE);
    await new Promise(setImmediate);
    log.write(BASE);
    log.close();
    expect(screen.errored).toMatchObject({ message: "EPIPE" });
  });
});
