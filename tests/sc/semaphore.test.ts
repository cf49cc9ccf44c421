import { WouldBlock } from "../../core/errors/mod.ts";
import {
  CancelScope,
  checkpoint,
  openNursery,
  Semaphore,
  sleepForever,
  waitAllTasksBlocked,
} from "../../core/sc/mod.ts";
import { describe, expect, it } from "../support/it.ts";

describe("Semaphore", () => {
  it.shuffled("lets in no more than it has permits", function* () {
    const semaphore = new Semaphore(2);
    let inside = 0;
    let most = 0;
    yield* openNursery(function* (n) {
      for (let i = 0; i < 6; i++) {
        n.startSoon(() =>
          semaphore.hold(function* () {
            most = Math.max(most, ++inside);
            yield* checkpoint();
            inside--;
          }),
        );
      }
    });
    expect(most).toBeLessThanOrEqual(2);
    expect(semaphore.value).toBe(2);
  });

  it("hands permits out in the order of waiting, to nobody who is cancelled", function* () {
    const semaphore = new Semaphore(0);
    const log: number[] = [];
    const second = new CancelScope();
    yield* openNursery(function* (n) {
      for (const i of [1, 2, 3]) {
        n.startSoon(function* () {
          yield* (i === 2 ? second : new CancelScope()).run(function* () {
            yield* semaphore.acquire();
            log.push(i);
          });
        });
      }
      yield* waitAllTasksBlocked();
      expect(semaphore.statistics().tasksWaiting).toBe(3);
      second.cancel();
      semaphore.release();
      semaphore.release();
    });
    expect(log).toEqual([1, 3]);
    expect(semaphore.value).toBe(0);
  });

  it("acquireNowait does not wait; release beyond the maximum is refused", () => {
    const semaphore = new Semaphore(1, { maxValue: 1 });
    semaphore.acquireNowait();
    expect(() => semaphore.acquireNowait()).toThrow(WouldBlock);
    semaphore.release();
    expect(() => semaphore.release()).toThrow(RangeError);
    expect(semaphore.value).toBe(1);
  });

  it("hold gives the permit back when its body is cancelled", function* () {
    const semaphore = new Semaphore(1);
    yield* openNursery(function* (n) {
      n.startSoon(() => semaphore.hold(sleepForever));
      yield* waitAllTasksBlocked();
      n.cancelScope.cancel();
    });
    expect(semaphore.value).toBe(1);
  });

  it.each([[-1], [1.5], [Number.NaN], [3]])("refuses to begin with %d of at most 2", (initial) => {
    expect(() => new Semaphore(initial, { maxValue: 2 })).toThrow(RangeError);
  });
});
