import { describe, expect, it } from "vitest";
import { MAX_PENDING_LOG_RECORDS } from "../../core/log/limits.ts";
import { LogQueue } from "../../core/log/log-queue.ts";
import type { LogRecord } from "../../core/log/record.ts";

function record(message: string): LogRecord {
  return { time: 0, level: "info", actor: "a", pid: 1, event: "log", message };
}

class Outlet {
  hasRoom = true;
  readonly taken: string[] = [];
  /** Has no room any more after so many. */
  room = Number.POSITIVE_INFINITY;

  put({ message }: LogRecord): void {
    this.taken.push(message);
    if (--this.room <= 0) this.hasRoom = false;
  }
}

function queueBefore(outlet: Outlet): LogQueue {
  return new LogQueue(outlet, (count) => record(`lost ${count}`));
}

describe("the queue of a log", () => {
  it("passes records on at once while there is room, and in order when there is again", () => {
    const outlet = new Outlet();
    const queue = queueBefore(outlet);
    queue.push(record("one"));
    expect(outlet.taken).toEqual(["one"]);
    outlet.hasRoom = false;
    queue.push(record("two"));
    outlet.hasRoom = true;
    queue.push(record("three"));
    expect(outlet.taken).toEqual(["one"]);
    queue.resume();
    expect(outlet.taken).toEqual(["one", "two", "three"]);
  });

  it("keeps so many and no more; the gap is told once, where it is", () => {
    const outlet = new Outlet();
    outlet.hasRoom = false;
    const queue = queueBefore(outlet);
    for (let i = 0; i < MAX_PENDING_LOG_RECORDS + 50; i++) queue.push(record(`${i}`));
    expect(queue.size).toBe(MAX_PENDING_LOG_RECORDS);
    outlet.hasRoom = true;
    outlet.room = 10;
    queue.resume();
    // There is room in the queue again, but what comes now would stand before the gap.
    queue.push(record("after"));
    expect(outlet.taken).toHaveLength(10);
    outlet.hasRoom = true;
    outlet.room = Number.POSITIVE_INFINITY;
    queue.resume();
    queue.push(record("later"));
    expect(outlet.taken.slice(-3)).toEqual([`${MAX_PENDING_LOG_RECORDS - 1}`, "lost 51", "later"]);
  });

  it("passes on everything at its end, room or not", () => {
    const outlet = new Outlet();
    outlet.hasRoom = false;
    const queue = queueBefore(outlet);
    for (let i = 0; i < MAX_PENDING_LOG_RECORDS + 1; i++) queue.push(record(`${i}`));
    queue.flush();
    expect(outlet.taken).toHaveLength(MAX_PENDING_LOG_RECORDS + 1);
    expect(outlet.taken.at(-1)).toBe("lost 1");
  });
});
