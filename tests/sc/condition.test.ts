import { run as runInEffection } from "effection";
import { CancelScope, Condition, Lock, openNursery, run, waitAllTasksBlocked } from "../../core/sc/mod.ts";
import { describe, expect, it } from "../support/it.ts";

describe("Condition", () => {
  it("wakes as many as are notified, in order, each holding the lock", function* () {
    const lock = new Lock();
    const condition = new Condition(lock);
    const log: number[] = [];
    yield* openNursery(function* (n) {
      for (const i of [1, 2, 3]) {
        n.startSoon(() =>
          condition.hold(function* () {
            yield* condition.wait();
            lock.assertHeld("test");
            log.push(i);
          }),
        );
      }
      yield* waitAllTasksBlocked();
      expect(condition.statistics()).toMatchObject({ tasksWaiting: 3, lock: { locked: false } });
      yield* condition.hold(function* () {
        condition.notify(2);
        yield* waitAllTasksBlocked();
        expect(log).toEqual([]);
      });
      yield* waitAllTasksBlocked();
      expect(log).toEqual([1, 2]);
      yield* condition.acquire();
      condition.notifyAll();
      condition.release();
    });
    expect(log).toEqual([1, 2, 3]);
  });

  it("cancelled while it waits, it takes the lock again before it leaves", function* () {
    const condition = new Condition();
    const scope = new CancelScope();
    const log: string[] = [];
    yield* openNursery(function* (n) {
      n.startSoon(function* () {
        yield* scope.run(() =>
          condition.hold(function* () {
            try {
              yield* condition.wait();
            } finally {
              log.push("left, holding the lock");
            }
          }),
        );
      });
      yield* waitAllTasksBlocked();
      yield* condition.hold(function* () {
        scope.cancel();
        yield* waitAllTasksBlocked();
        expect(log).toEqual([]);
      });
    });
    expect(log).toEqual(["left, holding the lock"]);
    expect(scope.cancelledCaught).toBe(true);
    expect(condition.statistics().lock.locked).toBe(false);
  });

  it("waiting and notifying need the lock", function* () {
    const condition = new Condition();
    expect(() => condition.notify()).toThrow("not held");
    expect(() => condition.notifyAll()).toThrow("not held");
    yield* openNursery(function* () {
      try {
        yield* condition.wait();
        expect.unreachable();
      } catch (error) {
        expect(error).toMatchObject({ message: expect.stringContaining("not held") });
      }
    });
  });

  it("the lock can be taken at once, and is shared with who else has it", () => {
    const lock = new Lock();
    const condition = new Condition(lock);
    condition.acquireNowait();
    expect(lock.locked).toBe(true);
    expect(() => condition.acquireNowait()).toThrow("already");
    condition.release();
    expect(lock.locked).toBe(false);
  });

  it("in an Effection task it works inside hold", async () => {
    const condition = new Condition();
    const log: string[] = [];
    await expect(runInEffection(() => condition.wait())).rejects.toThrow("needs a hold()");
    const waiting = runInEffection(() =>
      condition.hold(function* () {
        yield* condition.wait();
        log.push("notified");
      }),
    );
    await run(() => waitAllTasksBlocked());
    await runInEffection(() =>
      condition.hold(function* () {
        condition.notify();
      }),
    );
    await waiting;
    expect(log).toEqual(["notified"]);
  });
});
