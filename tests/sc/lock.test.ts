import { run as runInEffection, spawn } from "effection";
import { WouldBlock } from "../../core/errors/mod.ts";
import {
  CancelScope,
  checkpoint,
  Lock,
  openNursery,
  run,
  StrictFIFOLock,
  sleepForever,
  waitAllTasksBlocked,
} from "../../core/sc/mod.ts";
import { describe, expect, it } from "../support/it.ts";
import { outcomeOf } from "./outcomes.ts";

describe.each([
  ["Lock", Lock],
  ["StrictFIFOLock", StrictFIFOLock],
])("%s", (_name, Kind) => {
  it.shuffled("lets one in at a time", function* () {
    const lock = new Kind();
    let inside = 0;
    yield* openNursery(function* (n) {
      for (let i = 0; i < 5; i++) {
        n.startSoon(() =>
          lock.hold(function* () {
            expect(++inside).toBe(1);
            yield* checkpoint();
            inside--;
          }),
        );
      }
    });
    expect(lock.locked).toBe(false);
  });

  it("is handed on in the order of waiting; nobody slips in between", function* () {
    const lock = new Kind();
    const log: string[] = [];
    yield* lock.acquire();
    yield* openNursery(function* (n) {
      for (const who of ["a", "b", "c"]) {
        n.startSoon(function* () {
          yield* lock.acquire();
          log.push(who);
          lock.release();
        });
      }
      yield* waitAllTasksBlocked();
      expect(lock.statistics()).toMatchObject({ locked: true, tasksWaiting: 3 });
      lock.release();
      expect(() => lock.acquireNowait()).toThrow(WouldBlock);
      yield* lock.acquire();
      log.push("me, last");
      lock.release();
    });
    expect(log).toEqual(["a", "b", "c", "me, last"]);
  });

  it("is owned: only the owner releases it, and takes it once", function* () {
    const lock = new Kind();
    expect(() => lock.release()).toThrow("not held");
    yield* lock.acquire();
    expect(yield* outcomeOf(lock.acquire())).toMatchObject({
      message: expect.stringContaining("holds the lock already"),
    });
    expect(() => lock.acquireNowait()).toThrow("holds the lock already");
    yield* openNursery(function* (n) {
      n.startSoon(function* thief() {
        expect(() => lock.release()).toThrow(/held by task/);
      });
    });
    lock.release();
    lock.acquireNowait();
    lock.release();
  });

  it("hold releases when its body fails or is cancelled", function* () {
    const lock = new Kind();
    expect(
      yield* outcomeOf(
        lock.hold(function* () {
          throw new TypeError("x");
        }),
      ),
    ).toBeInstanceOf(TypeError);
    const scope = new CancelScope();
    scope.cancel();
    yield* scope.run(() => lock.hold(sleepForever));
    const inside = new CancelScope();
    yield* inside.run(() =>
      lock.hold(function* () {
        inside.cancel();
        yield* sleepForever();
      }),
    );
    expect(lock.locked).toBe(false);
  });

  it("a cancelled waiter does not get it; one it was handed to is not cancelled", function* () {
    const lock = new Kind();
    const log: string[] = [];
    const [early, late] = [new CancelScope(), new CancelScope()];
    yield* lock.acquire();
    yield* openNursery(function* (n) {
      for (const scope of [early, late]) {
        n.startSoon(() =>
          scope.run(function* () {
            yield* lock.acquire();
            log.push(scope === late ? "late" : "early");
            lock.release();
          }),
        );
      }
      yield* waitAllTasksBlocked();
      early.cancel();
      lock.release();
      late.cancel();
    });
    expect(log).toEqual(["late"]);
    expect(lock.locked).toBe(false);
  });

  it("hold works in an Effection task, and a halt releases it, also one that waits", async () => {
    const lock = new Kind();
    const first = runInEffection(() => lock.hold(sleepForever));
    const second = runInEffection(() => lock.hold(sleepForever));
    await run(() => waitAllTasksBlocked());
    expect(lock.statistics().tasksWaiting).toBe(1);
    await second.halt();
    expect(lock.statistics().tasksWaiting).toBe(0);
    await first.halt();
    expect(lock.locked).toBe(false);
  });

  it("names whoever holds it: code outside of a task, or an Effection task", async () => {
    const lock = new Kind();
    lock.acquireNowait();
    expect(lock.statistics().owner).toBe("code outside of a task");
    expect(() => lock.acquireNowait()).toThrow("code outside of a task holds the lock already");
    lock.release();
    await runInEffection(() => lock.acquire());
    expect(lock.statistics().owner).toBe("an Effection task");
    lock.release();
    await run(function* named() {
      lock.acquireNowait();
      expect(lock.statistics().owner).toBe('task "named"');
      lock.release();
    });
  });

  it("acquire and release work in an Effection task", async () => {
    const lock = new Kind();
    await runInEffection(function* () {
      yield* lock.acquire();
      const other = yield* spawn(() => lock.acquire());
      lock.release();
      yield* other;
      lock.release();
    });
    expect(lock.locked).toBe(false);
  });
});
