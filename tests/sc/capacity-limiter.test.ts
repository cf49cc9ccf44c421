import { WouldBlock } from "../../core/errors/mod.ts";
import {
  CancelScope,
  CapacityLimiter,
  checkpoint,
  openNursery,
  sleepForever,
  waitAllTasksBlocked,
} from "../../core/sc/mod.ts";
import { describe, expect, it } from "../support/it.ts";
import { outcomeOf } from "./outcomes.ts";

describe("CapacityLimiter", () => {
  it.shuffled("lends no more tokens than it has", function* () {
    const limiter = new CapacityLimiter(3);
    let most = 0;
    yield* openNursery(function* (n) {
      for (let i = 0; i < 9; i++) {
        n.startSoon(() =>
          limiter.hold(function* () {
            most = Math.max(most, limiter.borrowedTokens);
            yield* checkpoint();
          }),
        );
      }
    });
    expect(most).toBeLessThanOrEqual(3);
    expect(limiter.availableTokens).toBe(3);
  });

  it("lends to any object, on whose behalf a task acts", function* () {
    const limiter = new CapacityLimiter(1);
    const [job, other] = [{}, {}];
    yield* limiter.acquireOnBehalfOf(job);
    expect(yield* outcomeOf(limiter.acquireOnBehalfOf(job))).toMatchObject({
      message: expect.stringContaining("already"),
    });
    expect(() => limiter.acquireOnBehalfOfNowait(other)).toThrow(WouldBlock);
    expect(() => limiter.releaseOnBehalfOf(other)).toThrow("has no token");
    expect(limiter.statistics()).toEqual({ borrowedTokens: 1, totalTokens: 1, borrowers: [job], tasksWaiting: 0 });
    yield* openNursery(function* (n) {
      n.startSoon(() => limiter.holdOnBehalfOf(other, checkpoint));
      yield* waitAllTasksBlocked();
      expect(() => limiter.acquireOnBehalfOfNowait(other)).toThrow("waits for a token");
      limiter.releaseOnBehalfOf(job);
    });
    expect(limiter.borrowedTokens).toBe(0);
  });

  it("a task's token is its own", function* () {
    const limiter = new CapacityLimiter(2);
    limiter.acquireNowait();
    expect(() => limiter.acquireNowait()).toThrow("already");
    yield* openNursery(function* (n) {
      n.startSoon(function* () {
        expect(() => limiter.release()).toThrow("has no token");
      });
    });
    limiter.release();
  });

  it("raised it lets in who waits, lowered it waits until enough tokens are back", function* () {
    const limiter = new CapacityLimiter(0);
    const log: number[] = [];
    yield* openNursery(function* (n) {
      for (const i of [1, 2, 3]) {
        n.startSoon(() =>
          limiter.hold(function* () {
            log.push(i);
            yield* sleepForever();
          }),
        );
      }
      yield* waitAllTasksBlocked();
      expect(log).toEqual([]);
      limiter.totalTokens = 2;
      yield* waitAllTasksBlocked();
      expect(log).toEqual([1, 2]);
      expect(limiter.totalTokens).toBe(2);
      limiter.totalTokens = 1;
      expect([limiter.availableTokens, limiter.statistics().tasksWaiting]).toEqual([0, 1]);
      n.cancelScope.cancel();
    });
    expect(limiter.borrowedTokens).toBe(0);
  });

  it("a cancelled waiter borrows nothing", function* () {
    const limiter = new CapacityLimiter(0);
    const scope = new CancelScope();
    yield* openNursery(function* (n) {
      n.startSoon(() => scope.run(() => limiter.acquire()));
      yield* waitAllTasksBlocked();
      scope.cancel();
      limiter.totalTokens = 1;
    });
    expect(limiter.borrowedTokens).toBe(0);
  });

  it.each([-1, 0.5, Number.NaN])("refuses %d tokens", (tokens) => {
    expect(() => new CapacityLimiter(tokens)).toThrow(RangeError);
  });

  it("outside of a task somebody must be named", () => {
    expect(() => new CapacityLimiter(1).acquireNowait()).toThrow("say on whose behalf");
  });
});
