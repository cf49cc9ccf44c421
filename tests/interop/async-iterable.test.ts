import { each, type Operation, scoped } from "effection";
import { expectTypeOf } from "vitest";
import {
  BusyResourceError,
  CancelScope,
  EndOfChannel,
  openMemoryChannel,
  openNursery,
  run,
  shielded,
  sleepForever,
  waitAllTasksBlocked,
} from "../../core/mod.ts";
import { fromAsyncIterable, toAsyncIterable } from "../../interop/mod.ts";
import { expect, it } from "../support/it.ts";
import { collectWarnings, errorOf, hostTurn } from "../to_promise/promise-side.ts";

async function* counting(to: number, log: string[] = []): AsyncGenerator<number> {
  try {
    for (let i = 1; i <= to; i++) {
      log.push(`asked for ${i}`);
      yield i;
    }
  } finally {
    await null;
    log.push("closed");
  }
}

it("fromAsyncIterable asks for an item only when a task waits for one, and ends in good order", function* () {
  const log: string[] = [];
  const items = yield* fromAsyncIterable(counting(2, log));
  yield* waitAllTasksBlocked();
  expect(log).toEqual([]);
  expect(yield* items.receive()).toBe(1);
  yield* waitAllTasksBlocked();
  expect(log).toEqual(["asked for 1"]);
  expect(yield* items.receive()).toBe(2);
  for (let i = 0; i < 2; i++) expect(yield* errorOf(() => items.receive())).toBeInstanceOf(EndOfChannel);
  expect(log).toEqual(["asked for 1", "asked for 2", "closed"]);
});

it("fromAsyncIterable reads with each, and closes the iterator when the scope is left early", function* () {
  const log: string[] = [];
  yield* scoped(function* () {
    for (const n of yield* each(fromAsyncIterable(counting(9, log)))) {
      if (n === 2) break;
      yield* each.next();
    }
  });
  expect(log).toEqual(["asked for 1", "asked for 2", "closed"]);
});

it("an error of the iterable is thrown once, then it has ended", function* () {
  async function* failing(): AsyncGenerator<number> {
    yield 1;
    throw new TypeError("no more");
  }
  const items = yield* fromAsyncIterable(failing());
  yield* items.receive();
  expect(yield* errorOf(() => items.receive())).toBeInstanceOf(TypeError);
  expect(yield* errorOf(() => items.receive())).toBeInstanceOf(EndOfChannel);
});

it("an item that was asked for by a wait that was cancelled goes to the next one", function* () {
  let give = (_n: number) => {};
  async function* slow(): AsyncGenerator<number> {
    yield await new Promise<number>((resolve) => {
      give = resolve;
    });
    yield 8;
  }
  const items = yield* fromAsyncIterable(slow());
  const scope = new CancelScope();
  yield* openNursery(function* (nursery) {
    nursery.startSoon(() => scope.run(() => items.receive()));
    yield* waitAllTasksBlocked();
    expect(yield* errorOf(() => items.receive())).toBeInstanceOf(BusyResourceError);
    scope.cancel();
  });
  give(7);
  expect([yield* items.receive(), yield* items.receive()]).toEqual([7, 8]);
});

it("an iterable made from a function has its signal aborted, and is waited for", function* () {
  const log: string[] = [];
  const scope = new CancelScope();
  async function* listening(signal: AbortSignal): AsyncGenerator<number> {
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    log.push("aborted");
    yield 1;
  }
  yield* scope.run(() =>
    scoped(function* () {
      const items = yield* fromAsyncIterable(({ signal }) => listening(signal));
      yield* openNursery(function* (nursery) {
        nursery.startSoon(() => items.receive());
        yield* waitAllTasksBlocked();
        scope.cancel();
      });
    }),
  );
  expect(scope.cancelledCaught).toBe(true);
  expect(log).toEqual(["aborted"]);
});

it("an iterator that takes too long to close is reported, and waited for", function* () {
  let finish = () => {};
  const warnings = collectWarnings(() => finish());
  const stubborn: AsyncIterable<number> = {
    [Symbol.asyncIterator]: () => ({
      next: async () => ({ done: false, value: 1 }),
      return: () =>
        new Promise((resolve) => {
          finish = () => resolve({ done: true, value: undefined });
        }),
    }),
  };
  yield* scoped(function* () {
    const items = yield* fromAsyncIterable(stubborn, { graceMs: 0 });
    yield* items.receive();
  });
  warnings.stop();
  expect(warnings.names).toEqual(["PromiseIgnoredAbort"]);
});

it("toAsyncIterable gives every item in order and ends with the stream", async () => {
  const [send, receive] = openMemoryChannel<number>(3);
  for (const n of [1, 2, 3]) send.sendNowait(n);
  send.close();
  const seen: number[] = [];
  for await (const n of toAsyncIterable(receive)) seen.push(n);
  expect(seen).toEqual([1, 2, 3]);
});

it("toAsyncIterable starts nothing before it is read, and is one item ahead at most", async () => {
  let given = 0;
  const source = {
    *receive(): Operation<number> {
      return ++given;
    },
  };
  const iterator = toAsyncIterable(source)[Symbol.asyncIterator]();
  await run(waitAllTasksBlocked);
  expect(given).toBe(0);
  expect(await iterator.next()).toEqual({ done: false, value: 1 });
  await run(waitAllTasksBlocked);
  expect(given).toBe(2);
  await iterator.return?.();
});

it("leaving the loop cancels the tree and waits until it has unwound", async () => {
  const log: string[] = [];
  function* source() {
    const [send, receive] = openMemoryChannel<number>(0);
    try {
      yield* openNursery(function* (nursery) {
        nursery.startSoon(() => send.send(1));
        yield* receive.receive();
      });
    } finally {
      log.push("opened");
    }
    return {
      *receive(): Operation<number> {
        if (log.length === 1) {
          log.push("first");
          return 1;
        }
        try {
          return yield* sleepForever();
        } finally {
          yield* shielded(hostTurn);
          log.push("unwound");
        }
      },
    };
  }
  for await (const _ of toAsyncIterable(source)) {
    await run(waitAllTasksBlocked);
    break;
  }
  expect(log).toEqual(["opened", "first", "unwound"]);
});

it("toAsyncIterable rejects with what the source throws, and with a clean-up's error after leaving", async () => {
  const failing = {
    *receive(): Operation<number> {
      throw new TypeError("no more");
    },
  };
  const iterator = toAsyncIterable(failing)[Symbol.asyncIterator]();
  await expect(iterator.next()).rejects.toThrow(TypeError);
  expect(await iterator.next()).toEqual({ done: true, value: undefined });
  let count = 0;
  const messy = {
    *receive(): Operation<number> {
      if (count++ === 0) return 1;
      try {
        return yield* sleepForever();
      } finally {
        yield* cleanUpFails();
      }
    },
  };
  const leaving = async () => {
    for await (const _ of toAsyncIterable(messy)) {
      await run(waitAllTasksBlocked);
      break;
    }
  };
  await expect(leaving()).rejects.toThrow("clean-up");
});

it("types flow both ways", function* () {
  const items = yield* fromAsyncIterable(counting(0));
  expectTypeOf(items.receive()).toEqualTypeOf<Operation<number>>();
  expectTypeOf(toAsyncIterable(items)).toEqualTypeOf<AsyncIterable<number, void>>();
});

function* cleanUpFails(): Operation<never> {
  throw new Error("clean-up");
}
