import { each, type Operation, spawn } from "effection";
import { BrokenResourceError, ClosedResourceError, EndOfChannel, WouldBlock } from "../../core/errors/mod.ts";
import {
  CancelScope,
  checkpoint,
  openMemoryChannel,
  openNursery,
  type ReceiveChannel,
  sleepForever,
  waitAllTasksBlocked,
} from "../../core/sc/mod.ts";
import { describe, expect, it } from "../support/it.ts";
import { outcomeOf } from "./outcomes.ts";

/** Perform `operation` in a task of its own; the array gets what came of it. */
function outcomeIn(n: { startSoon(fn: () => Operation<void>): void }, operation: () => Operation<unknown>): unknown[] {
  const seen: unknown[] = [];
  n.startSoon(function* () {
    seen.push(yield* outcomeOf(operation()));
  });
  return seen;
}

describe("openMemoryChannel", () => {
  it.each([-1, 1.5, Number.NaN])("refuses a capacity of %d", (capacity) => {
    expect(() => openMemoryChannel(capacity)).toThrow(RangeError);
  });

  it.each([0, 1, 3, Number.POSITIVE_INFINITY])("with a capacity of %d keeps the order", function* (capacity) {
    const [tx, rx] = openMemoryChannel<number>(capacity);
    const received: number[] = [];
    yield* openNursery(function* (n) {
      n.startSoon(function* () {
        for (let i = 0; i < 100; i++) yield* tx.send(i);
        tx.close();
      });
      for (;;) {
        const item = yield* outcomeOf(rx.receive());
        if (item instanceof EndOfChannel) break;
        received.push(item as number);
      }
    });
    expect(received).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  it("send waits for room, receive for an item, first come first served", function* () {
    const [tx, rx] = openMemoryChannel<string>(1);
    yield* openNursery(function* (n) {
      const log: string[] = [];
      for (const item of ["a", "b", "c"]) {
        n.startSoon(function* () {
          yield* tx.send(item);
          log.push(`sent ${item}`);
        });
      }
      yield* waitAllTasksBlocked();
      expect(log).toEqual(["sent a"]);
      expect(tx.statistics()).toEqual({
        currentBufferUsed: 1,
        maxBufferSize: 1,
        openSendChannels: 1,
        openReceiveChannels: 1,
        tasksWaitingSend: 2,
        tasksWaitingReceive: 0,
      });
      expect([yield* rx.receive(), yield* rx.receive(), yield* rx.receive()]).toEqual(["a", "b", "c"]);
      yield* waitAllTasksBlocked();
      expect(log).toEqual(["sent a", "sent b", "sent c"]);
    });
  });

  it("the Nowait forms throw WouldBlock instead of waiting", () => {
    const [tx, rx] = openMemoryChannel<number>(1);
    expect(() => rx.receiveNowait()).toThrow(WouldBlock);
    tx.sendNowait(1);
    expect(() => tx.sendNowait(2)).toThrow(WouldBlock);
    expect(rx.receiveNowait()).toBe(1);
  });

  it("undefined and null are items like any other", () => {
    const [tx, rx] = openMemoryChannel<unknown>(2);
    tx.sendNowait(undefined);
    tx.sendNowait(null);
    expect([rx.receiveNowait(), rx.receiveNowait()]).toEqual([undefined, null]);
  });

  it("a consumer that is always ready does not keep others from running", function* () {
    const [tx, rx] = openMemoryChannel<number>(Number.POSITIVE_INFINITY);
    for (let i = 0; i < 100; i++) tx.sendNowait(i);
    const log: string[] = [];
    yield* openNursery(function* (n) {
      n.startSoon(function* () {
        log.push("other");
      });
      for (let i = 0; i < 100; i++) {
        yield* rx.receive();
        if (i === 2) log.push("third");
      }
    });
    expect(log).toEqual(["other", "third"]);
  });

  it("of several that wait for an item the one that has waited longest gets it", function* () {
    const [tx, rx] = openMemoryChannel<string>(0);
    const log: string[] = [];
    yield* openNursery(function* (n) {
      for (const i of [1, 2, 3]) {
        n.startSoon(function* () {
          log.push(`${i}: ${yield* rx.receive()}`);
        });
      }
      yield* waitAllTasksBlocked();
      for (const item of ["a", "b", "c"]) tx.sendNowait(item);
    });
    expect(log.sort()).toEqual(["1: a", "2: b", "3: c"]);
  });
});

describe("closing", () => {
  it("the last sending end: what was sent is received, then EndOfChannel, for those who wait and those who come", function* () {
    const [tx, rx] = openMemoryChannel<number>(2);
    const other = tx.clone();
    tx.sendNowait(1);
    tx.close();
    expect(rx.receiveNowait()).toBe(1);
    expect(() => rx.receiveNowait()).toThrow(WouldBlock);
    yield* openNursery(function* (n) {
      const waiting = outcomeIn(n, () => rx.receive());
      yield* waitAllTasksBlocked();
      other.sendNowait(2);
      other.close();
      yield* waitAllTasksBlocked();
      expect(waiting).toEqual([2]);
      const late = outcomeIn(n, () => rx.receive());
      yield* waitAllTasksBlocked();
      expect(late).toEqual([expect.any(EndOfChannel)]);
    });
  });

  it("the last receiving end: senders break, those who wait and those who come, and the buffer is dropped", function* () {
    const [tx, rx] = openMemoryChannel<number>(1);
    const other = rx.clone();
    tx.sendNowait(1);
    yield* openNursery(function* (n) {
      const waiting = outcomeIn(n, () => tx.send(2));
      yield* waitAllTasksBlocked();
      rx.close();
      yield* waitAllTasksBlocked();
      expect(waiting).toEqual([]);
      other.close();
      yield* waitAllTasksBlocked();
      expect(waiting).toEqual([expect.any(BrokenResourceError)]);
    });
    expect(() => tx.sendNowait(3)).toThrow(BrokenResourceError);
    expect(tx.statistics().currentBufferUsed).toBe(0);
  });

  it("one of several ends stops only those who wait on it", function* () {
    const [tx, rx] = openMemoryChannel<string>(0);
    const [tx2, rx2] = [tx.clone(), rx.clone()];
    yield* openNursery(function* (n) {
      const first = outcomeIn(n, () => rx.receive());
      const second = outcomeIn(n, () => rx2.receive());
      yield* waitAllTasksBlocked();
      rx.close();
      yield* waitAllTasksBlocked();
      expect(first).toEqual([expect.any(ClosedResourceError)]);
      yield* tx2.send("for the other");
      yield* waitAllTasksBlocked();
      expect(second).toEqual(["for the other"]);
      const sends = [outcomeIn(n, () => tx.send("x")), outcomeIn(n, () => tx2.send("y"))];
      yield* waitAllTasksBlocked();
      tx.close();
      yield* waitAllTasksBlocked();
      expect(sends).toEqual([[expect.any(ClosedResourceError)], []]);
      expect(yield* rx2.receive()).toBe("y");
    });
  });

  it("what is closed cannot be used or cloned, and can be closed again", () => {
    const [tx, rx] = openMemoryChannel<number>(1);
    tx.close();
    rx.close();
    tx.close();
    rx.close();
    expect(() => tx.sendNowait(1)).toThrow(ClosedResourceError);
    expect(() => rx.receiveNowait()).toThrow(ClosedResourceError);
    expect(() => tx.clone()).toThrow(ClosedResourceError);
    expect(() => rx.clone()).toThrow(ClosedResourceError);
    expect(rx.statistics()).toMatchObject({ openSendChannels: 0, openReceiveChannels: 0 });
  });

  it("`using` closes", () => {
    const [tx, rx] = openMemoryChannel<number>(1);
    tx[Symbol.dispose]();
    expect(() => rx.receiveNowait()).toThrow(EndOfChannel);
    rx[Symbol.dispose]();
    expect(() => rx.receiveNowait()).toThrow(ClosedResourceError);
  });

  it("the order is closed, broken, full: a closed end says so even when the other side is gone", () => {
    const [tx, rx] = openMemoryChannel<number>(0);
    rx.close();
    expect(() => tx.sendNowait(1)).toThrow(BrokenResourceError);
    tx.close();
    expect(() => tx.sendNowait(1)).toThrow(ClosedResourceError);
  });
});

describe("delivered or cancelled, never both", () => {
  it("an item handed to a waiting receiver reaches it, though it is cancelled in the same turn", function* () {
    const [tx, rx] = openMemoryChannel<string>(0);
    const scope = new CancelScope();
    const received: string[] = [];
    yield* openNursery(function* (n) {
      n.startSoon(function* () {
        yield* scope.run(function* () {
          received.push(yield* rx.receive());
          yield* sleepForever();
        });
      });
      yield* waitAllTasksBlocked();
      tx.sendNowait("item");
      scope.cancel();
    });
    expect(received).toEqual(["item"]);
    expect(scope.cancelledCaught).toBe(true);
  });

  it("a receiver cancelled first gets nothing, and the item stays for the next", function* () {
    const [tx, rx] = openMemoryChannel<string>(1);
    const scope = new CancelScope();
    yield* openNursery(function* (n) {
      n.startSoon(() => scope.run(() => rx.receive()));
      yield* waitAllTasksBlocked();
      scope.cancel();
      tx.sendNowait("item");
    });
    expect(rx.receiveNowait()).toBe("item");
  });

  it("a cancelled send has sent nothing, and a taken one has not been cancelled", function* () {
    const [tx, rx] = openMemoryChannel<string>(0);
    const [lost, taken] = [new CancelScope(), new CancelScope()];
    yield* openNursery(function* (n) {
      n.startSoon(() => lost.run(() => tx.send("lost")));
      n.startSoon(() => taken.run(() => tx.send("taken")));
      yield* waitAllTasksBlocked();
      lost.cancel();
      expect(rx.receiveNowait()).toBe("taken");
      taken.cancel();
    });
    expect([lost.cancelledCaught, taken.cancelledCaught]).toEqual([true, false]);
    expect(tx.statistics().tasksWaitingSend).toBe(0);
  });

  it("a cancelled scope sends and receives nothing, also where it would not have to wait", function* () {
    const [tx, rx] = openMemoryChannel<string>(2);
    tx.sendNowait("there");
    const scope = new CancelScope();
    scope.cancel();
    yield* scope.run(() => tx.send("more"));
    const other = new CancelScope();
    other.cancel();
    yield* other.run(() => rx.receive());
    expect(rx.statistics().currentBufferUsed).toBe(1);
  });
});

describe("as an Effection stream", () => {
  it("each() goes through the items, and ends with the channel", function* () {
    const [tx, rx] = openMemoryChannel<number>(0);
    const seen: number[] = [];
    yield* openNursery(function* (n) {
      n.startSoon(function* () {
        for (let i = 0; i < 3; i++) yield* tx.send(i);
        tx.close();
      });
      yield* eachInto(seen, rx);
    });
    expect(seen).toEqual([0, 1, 2]);
  });

  it("each() in an Effection task, fed by tasks of ours", function* () {
    const [tx, rx] = openMemoryChannel<number>(0);
    const seen: number[] = [];
    const reader = yield* spawn(() => eachInto(seen, rx));
    for (let i = 0; i < 3; i++) yield* tx.send(i);
    tx.close();
    yield* reader;
    expect(seen).toEqual([0, 1, 2]);
  });

  it("each() of an end that is closed meanwhile throws", function* () {
    const [, rx] = openMemoryChannel<number>(0);
    yield* openNursery(function* (n) {
      n.startSoon(function* () {
        yield* checkpoint();
        rx.close();
      });
      const reader = outcomeIn(n, () => rx.receive());
      yield* waitAllTasksBlocked();
      expect(reader).toEqual([expect.any(ClosedResourceError)]);
    });
  });

  function* eachInto(seen: number[], rx: ReceiveChannel<number>) {
    for (const item of yield* each(rx)) {
      seen.push(item);
      yield* each.next();
    }
  }
});
