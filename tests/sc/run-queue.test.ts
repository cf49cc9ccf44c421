import { onTestFinished, vi } from "vitest";
import { checkpoint, run } from "../../core/sc/mod.ts";
import { type EndOfTurn, type Runnable, runQueue } from "../../core/sc/run-queue.ts";
import { describe, expect, it } from "../support/it.ts";
import { withResolvers } from "./outcomes.ts";

const runnable = (fn: () => void): Runnable => ({ enqueued: false, run: fn });
const endOfTurn = (turnEnded: () => void, isImpatient = false): EndOfTurn => ({ isImpatient, turnEnded });

/** Once the queue is idle, let each look at the time find it `ms` later than the one before. */
async function useSlowSteps(ms: number): Promise<void> {
  await new Promise(setImmediate);
  let now = 0;
  const clock = vi.spyOn(performance, "now").mockImplementation(() => {
    now += ms;
    return now;
  });
  onTestFinished(() => clock.mockRestore());
}

describe("the run queue", () => {
  it("runs what is scheduled in a later microtask, in order, each once", async () => {
    const log: string[] = [];
    const first = runnable(() => log.push("first"));
    runQueue.schedule(first);
    runQueue.schedule(first);
    runQueue.schedule(
      runnable(() => {
        log.push("second");
        runQueue.schedule(runnable(() => log.push("fourth")));
      }),
    );
    runQueue.schedule(runnable(() => log.push("third")));
    expect(log).toEqual([]);
    await Promise.resolve();
    expect(log).toEqual(["first", "second", "third", "fourth"]);
    expect(runQueue.isIdle).toBe(true);
  });

  it("whenIdle is called once, after all that was to run", async () => {
    const log: string[] = [];
    runQueue.whenIdle(endOfTurn(() => log.push("idle")));
    runQueue.schedule(
      runnable(() => {
        log.push("ran");
        runQueue.schedule(runnable(() => log.push("ran too")));
      }),
    );
    await Promise.resolve();
    expect(log).toEqual(["ran", "ran too", "idle"]);
  });

  it("whenIdle is called amid an endless chain, when the budget of the turn is spent", async () => {
    let over = false;
    const chain = runnable(() => {
      if (!over) runQueue.schedule(chain);
    });
    runQueue.schedule(chain);
    await new Promise<void>((resolve) => runQueue.whenIdle(endOfTurn(resolve)));
    over = true;
  });

  it("what waits for the end is told amid a turn of slow steps where it is impatient, and at the end where it is not", async () => {
    await useSlowSteps(0.1);
    const log: string[] = [];
    runQueue.whenIdle(endOfTurn(() => log.push("patient")));
    runQueue.schedule(
      runnable(() => {
        log.push("first");
        runQueue.whenIdle(endOfTurn(() => log.push("impatient"), true));
      }),
    );
    runQueue.schedule(runnable(() => log.push("second")));
    await Promise.resolve();
    expect(log).toEqual(["first", "impatient", "second", "patient"]);
  });

  it("a step longer than the budget of the turn ends it where something waits for its end", async () => {
    await useSlowSteps(6);
    const log: string[] = [];
    for (const name of ["first", "second"]) {
      runQueue.schedule(
        runnable(() => {
          log.push(name);
          runQueue.whenIdle(endOfTurn(() => log.push(`after ${name}`)));
        }),
      );
    }
    await Promise.resolve();
    expect(log).toEqual(["first", "after first"]);
    await new Promise(setImmediate);
    expect(log).toEqual(["first", "after first", "second", "after second"]);
  });

  it("goes on after something threw in it, and the host hears of that", async () => {
    const heard = withResolvers<unknown>();
    const handlers = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.once("uncaughtException", heard.resolve);
    try {
      runQueue.schedule(
        runnable(() => {
          throw new TypeError("a hook");
        }),
      );
      const after = run(function* () {
        yield* checkpoint();
        return "went on";
      });
      expect(await heard.promise).toBeInstanceOf(TypeError);
      expect(await after).toBe("went on");
    } finally {
      for (const handler of handlers) process.on("uncaughtException", handler);
    }
  });
});
