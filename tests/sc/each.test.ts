import { createSignal, each as eachOfEffection, type Operation, spawn } from "effection";
import {
  ClosedResourceError,
  each,
  IN_PLACE,
  type LeavableSubscription,
  moveOnAfter,
  openMemoryChannel,
  openNursery,
  run,
  sleep,
  sleepForever,
} from "espalier";
import { useVirtualClock } from "../../core/sc/virtual-clock.ts";
import { describe, expect, it } from "../support/it.ts";
import { macrotasks } from "../support/macrotasks.ts";
import { errorOf } from "../support/outcome.ts";

function channelOf<T>(...items: T[]) {
  const [send, receive] = openMemoryChannel<T>(items.length);
  for (const item of items) send.sendNowait(item);
  send.close();
  return receive;
}

function* collect<T>(stream: Parameters<typeof each<T>>[0]): Operation<T[]> {
  const got: T[] = [];
  for (const item of yield* each(stream)) {
    got.push(item);
    yield* each.next();
  }
  return got;
}

describe("each", () => {
  it("goes through a stream to its end", function* () {
    expect(yield* collect(channelOf(1, 2, 3))).toEqual([1, 2, 3]);
    expect(yield* collect(channelOf())).toEqual([]);
  });

  it("nests, and each.next() means the innermost loop that is left open", function* () {
    const pairs: string[] = [];
    for (const a of yield* each(channelOf("a", "b"))) {
      for (const n of yield* each(channelOf(1, 2, 3))) {
        if (n === 3) break;
        pairs.push(`${a}${n}`);
        yield* each.next();
      }
      yield* each.next();
    }
    expect(pairs).toEqual(["a1", "a2", "b1", "b2"]);
  });

  it("tells of a turn without each.next()", function* () {
    const error = yield* errorOf({
      *[Symbol.iterator]() {
        for (const _ of yield* each(channelOf(1, 2)));
      },
    });
    expect(String(error)).toMatch(/without each\.next\(\)/);
  });

  it("a loop that is taken by hand is left once, however often it is asked, and leaves the others open", function* () {
    for (const outer of yield* each(channelOf(1))) {
      const inner = (yield* each(channelOf<number>()))[Symbol.iterator]();
      expect([inner.next().done, inner.return?.().done]).toEqual([true, true]);
      expect(outer).toBe(1);
      yield* each.next();
    }
  });

  it("tells of each.next() outside of a loop", function* () {
    expect(yield* errorOf(each.next())).toBeInstanceOf(Error);
  });

  it("keeps the loops of tasks apart", function* () {
    const got: unknown[] = [];
    yield* openNursery(function* (n) {
      for (const items of [
        [1, 2],
        ["x", "y"],
      ]) {
        n.startSoon(function* () {
          got.push(yield* collect(channelOf<unknown>(...items)));
        });
      }
    });
    expect(got).toEqual([
      [1, 2],
      ["x", "y"],
    ]);
  });

  it("an error of the first item is thrown in the loop, where it can be caught", function* () {
    const [, receive] = openMemoryChannel<number>(1);
    const broken = {
      ...{ [Symbol.for("espalier.stream")]: true },
      *[Symbol.iterator]() {
        return {
          *next(): Operation<IteratorResult<number, void>> {
            throw new RangeError("no first item");
          },
        };
      },
    };
    receive.close();
    expect(yield* errorOf(collect(broken))).toBeInstanceOf(RangeError);
  });

  it("a loop that is cancelled while it waits for its first item leaves nothing waiting", function* () {
    yield* useVirtualClock({ autojump: true });
    const [send, receive] = openMemoryChannel<number>(0);
    yield* moveOnAfter(10, () => collect(receive));
    expect(receive.statistics().tasksWaitingReceive).toBe(0);
    send.close();
  });

  it("a channel that this side closes meanwhile ends the loop", function* () {
    const [, receive] = openMemoryChannel<number>(0);
    let got: number[] | undefined;
    yield* openNursery(function* (n) {
      n.startSoon(function* () {
        got = yield* collect(receive);
      });
      n.startSoon(function* () {
        receive.close();
      });
    });
    expect(got).toEqual([]);
    expect(yield* errorOf(receive.receive())).toBeInstanceOf(ClosedResourceError);
  });

  it("goes through Effection's own streams as Effection's each does, in our tasks and in its own", function* () {
    const signal = createSignal<number, void>();
    let got: number[] = [];
    yield* openNursery(function* (n) {
      n.startSoon(function* reader() {
        got = yield* collect(signal);
      });
      n.startSoon(function* writer() {
        yield* macrotasks(); // a signal forgets what nobody has subscribed to
        for (const i of [1, 2]) signal.send(i);
        signal.close();
      });
    });
    expect(got).toEqual([1, 2]);
    const foreign = yield* spawn(() => collect(channelOf("in", "Effection")));
    expect(yield* foreign).toEqual(["in", "Effection"]);
  });

  it("Effection's each on our channel does not fail the task whose channel is closed under its first wait", async () => {
    const tree = run(function* () {
      const [, receive] = openMemoryChannel<number>(0);
      yield* moveOnAfter(0, function* () {
        try {
          for (const _ of yield* eachOfEffection(receive)) yield* sleepForever();
        } finally {
          receive.close();
        }
      });
      return "fine";
    });
    expect(await tree).toBe("fine");
  });

  it("tells a subscription with work behind it when its loop is left, however that is", function* () {
    yield* useVirtualClock({ autojump: true });
    const log: string[] = [];
    const own = new Error("own");
    /** Gives 1 and 2, each after a millisecond, or fails at once. */
    const working = (name: string, fails = false) => ({
      [IN_PLACE]: true,
      *[Symbol.iterator]() {
        let last = 0;
        const subscription: LeavableSubscription<number> = {
          *next() {
            yield* sleep(1);
            if (fails) throw own;
            return ++last > 2 ? { done: true, value: undefined } : { done: false, value: last };
          },
          leave: () => void log.push(name),
        };
        return subscription;
      },
    });
    expect(yield* collect(working("ended"))).toEqual([1, 2]);
    for (const _ of yield* each(working("broken off"))) break;
    expect(log).toEqual(["ended", "broken off"]);
    const failing = function* () {
      for (const _ of yield* each(working("failed inside"))) throw own;
    };
    expect(yield* errorOf(failing())).toBe(own);
    expect(yield* errorOf(collect(working("failed at first", true)))).toBe(own);
    yield* moveOnAfter(0, () => collect(working("cancelled at first")));
    yield* moveOnAfter(1.5, () => collect(working("cancelled later")));
    expect(log.slice(2)).toEqual(["failed inside", "failed at first", "cancelled at first", "cancelled later"]);
  });
});
