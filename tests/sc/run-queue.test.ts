import { checkpoint, run } from "../../core/sc/mod.ts";
import { type Runnable, runQueue } from "../../core/sc/run-queue.ts";
import { describe, expect, it } from "../support/it.ts";
import { withResolvers } from "./outcomes.ts";

const runnable = (fn: () => void): Runnable => ({ enqueued: false, run: fn });

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
    runQueue.whenIdle(() => log.push("idle"));
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
    await new Promise<void>((resolve) => runQueue.whenIdle(resolve));
    over = true;
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
