import { suspend } from "effection";
import { Cancelled } from "../../core/errors/mod.ts";
import { ExceptionGroup } from "../../core/exception-group.ts";
import {
  checkpoint,
  currentTime,
  Event,
  type Nursery,
  openNursery,
  run,
  runIn,
  shielded,
  sleep,
  sleepForever,
  VirtualClock,
  waitAllTasksBlocked,
} from "../../core/sc/mod.ts";
import { describe, expect, it } from "../support/it.ts";
import { withResolvers } from "./outcomes.ts";

const quiet = () => run(() => waitAllTasksBlocked());

describe("run", () => {
  it("is a promise of the value, or of what was thrown", async () => {
    expect(
      await run(function* () {
        yield* checkpoint();
        return 1;
      }),
    ).toBe(1);
    await expect(
      run(function* () {
        throw new TypeError("x");
      }),
    ).rejects.toThrow(TypeError);
    await expect(
      run(function* () {
        throw "text";
      }),
    ).rejects.toBe("text");
  });

  it("cancel() unwinds the tree, then rejects with Cancelled", async () => {
    const log: string[] = [];
    const go = new Event();
    const tree = run(() =>
      openNursery(function* (n) {
        n.startSoon(function* () {
          try {
            yield* sleepForever();
          } finally {
            yield* shielded(() => go.wait());
            log.push("unwound");
          }
        });
      }),
    );
    await quiet();
    tree.cancel("no more");
    const ended = tree.catch((error: unknown) => {
      log.push(error instanceof Cancelled ? error.reason : "?");
    });
    await quiet();
    expect(log).toEqual([]);
    go.set();
    await ended;
    expect(log).toEqual(["unwound", "no more"]);
  });

  it("cancelled and failed at once, the rejection holds the failures and no Cancelled", async () => {
    const tree = run(() =>
      openNursery(function* (n) {
        n.startSoon(sleepForever);
        try {
          yield* sleepForever();
        } finally {
          yield* failing();
        }
      }),
    );
    await quiet();
    tree.cancel();
    const error = await tree.catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ExceptionGroup);
    expect((error as ExceptionGroup).leaves()).toEqual([new TypeError("clean-up")]);
  });

  it("a group that holds nothing but Cancelleds is one Cancelled to whoever awaits the tree", async () => {
    const tree = run(function* () {
      try {
        yield* sleepForever();
      } catch (error) {
        throw new ExceptionGroup("all cancelled", [error, error]);
      }
    });
    await quiet();
    tree.cancel("no more");
    await expect(tree).rejects.toMatchObject({ name: "Cancelled", reason: "no more" });
  });

  it("an aborted signal cancels, before and meanwhile, and is not listened to any longer after", async () => {
    await expect(run(sleepForever, { signal: AbortSignal.abort("before") })).rejects.toThrow(/before/);
    const controller = new AbortController();
    const listeners = countListeners(controller.signal);
    const tree = run(sleepForever, { signal: controller.signal });
    await quiet();
    expect(listeners.count).toBe(1);
    controller.abort("meanwhile");
    await expect(tree).rejects.toThrow(/meanwhile/);
    const other = new AbortController();
    const counted = countListeners(other.signal);
    await run(() => checkpoint(), { signal: other.signal });
    expect(counted.count).toBe(0);
  });

  it("disposing cancels and waits; a Cancelled is no error there, a failing clean-up is", async () => {
    const log: string[] = [];
    const tree = run(function* () {
      try {
        yield* suspend();
      } finally {
        log.push("unwound");
      }
    });
    await quiet();
    await tree[Symbol.asyncDispose]();
    expect(log).toEqual(["unwound"]);
    const failingTree = run(function* () {
      try {
        yield* sleepForever();
      } finally {
        yield* failing();
      }
    });
    await quiet();
    await expect(failingTree[Symbol.asyncDispose]()).rejects.toThrow("clean-up");
  });

  it("disposing of a run that has failed does not throw its error again", async () => {
    const tree = run(failing);
    await expect(tree).rejects.toThrow(TypeError);
    await tree[Symbol.asyncDispose]();
  });

  it("a failure that nobody awaits is an unhandled rejection", async () => {
    const seen = withResolvers<unknown>();
    const handlers = process.listeners("unhandledRejection");
    process.removeAllListeners("unhandledRejection");
    process.once("unhandledRejection", seen.resolve);
    try {
      void run(failing);
      expect(await seen.promise).toBeInstanceOf(TypeError);
    } finally {
      for (const handler of handlers) process.on("unhandledRejection", handler);
    }
  });

  it("goes by the clock it is given", async () => {
    const clock = new VirtualClock({ autojump: true });
    const at = await run(
      function* () {
        yield* sleep(5_000);
        return yield* currentTime();
      },
      { clock },
    );
    expect(at).toBe(5_000);
  });

  function* failing() {
    yield* shielded(checkpoint);
    throw new TypeError("clean-up");
  }
});

describe("runIn", () => {
  it("runs a task of a live nursery from Promise land; its error goes to the promise alone", async () => {
    await run(() =>
      openNursery(function* (n) {
        const seen: unknown[] = [];
        void runIn(n, times, 2).then((v) => seen.push(v));
        void runIn(n, times, Number.NaN).catch((e: unknown) => seen.push(e));
        yield* waitAllTasksBlocked();
        expect(seen).toEqual([4, new TypeError("NaN")]);
      }),
    );
  });

  it("is rejected with Cancelled when the nursery is cancelled, and with an Error once it has closed", async () => {
    let nursery: Nursery | undefined;
    let promise: Promise<unknown> | undefined;
    await run(() =>
      openNursery(function* (n) {
        nursery = n;
        promise = runIn(n, sleepForever);
        promise.catch(() => {});
        yield* waitAllTasksBlocked();
        n.cancelScope.cancel();
      }),
    );
    await expect(promise).rejects.toBeInstanceOf(Cancelled);
    await expect(runIn(nursery as Nursery, times, 1)).rejects.toThrow(/has closed/);
  });

  it("the task is named after its function", async () => {
    await run(() =>
      openNursery(function* (n) {
        void runIn(n, times, 1);
        void runIn(n, () => times(2));
        expect([...n.childTasks].map((task) => task.name)).toEqual(["times", "anonymous"]);
      }),
    );
  });

  function* times(n: number) {
    yield* checkpoint();
    if (Number.isNaN(n)) throw new TypeError("NaN");
    return n * 2;
  }
});

function countListeners(signal: AbortSignal): { count: number } {
  const counter = { count: 0 };
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    counter.count++;
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    counter.count--;
    removeEventListener.apply(signal, args);
  };
  return counter;
}
