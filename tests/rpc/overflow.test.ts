/** What happens to items that find no room, on either side. */
import type { Operation } from "effection";
import { StreamOverrun } from "../../core/errors/mod.ts";
import type { MessageStream } from "../../core/rpc/message-stream.ts";
import type { StreamOptions } from "../../core/rpc/stream-options.ts";
import { openNursery } from "../../core/sc/nursery.ts";
import { describe, expect, it } from "../support/it.ts";
import { macrotasks } from "../support/macrotasks.ts";
import { errorOf } from "../support/outcome.ts";
import { begin, itemsIn, meet, type Peer } from "../support/peer.ts";

interface Opened {
  readonly stream: MessageStream<unknown, unknown>;
  readonly peer: Peer;
  readonly cid: number | string;
  readonly result: () => Operation<unknown>;
}

function* open(options: StreamOptions): Operation<Opened> {
  const meeting = yield* meet();
  const { peer } = meeting;
  const call = yield* begin(meeting);
  if (call.stream === undefined) throw new Error("a context has a stream");
  call.stream.open(options);
  yield* macrotasks();
  return { stream: call.stream, peer, cid: call.cid, result: () => call.result() };
}

function* received(stream: MessageStream<unknown, unknown>): Operation<unknown[]> {
  yield* macrotasks();
  const items: unknown[] = [];
  for (let { buffered } = stream.statistics(); buffered > 0; buffered--) items.push(yield* stream.receive());
  return items;
}

describe("overflow of what this side sends", () => {
  it("B36 by default a sender whose peer never opens its stream waits, and is released by the dialog's end", function* () {
    const { stream, peer, cid } = yield* open({});
    yield* openNursery(function* (n) {
      let outcome: unknown;
      n.startSoon(function* () {
        outcome = yield* errorOf(stream.send("anyone there?"));
      });
      yield* macrotasks();
      expect(stream.statistics()).toMatchObject({ waitingToSend: 1, waits: 1, sent: 0 });
      peer.say({ msg_type: "Return", cid, pld: null });
      yield* macrotasks();
      expect(outcome).toMatchObject({ name: "BrokenResourceError" });
    });
  });

  it("B36 with `error` a sender whose peer never opens its stream gets StreamOverrun, when its own room is used up", function* () {
    const { stream } = yield* open({ sendOverflow: "error", sendCapacity: 2 });
    yield* stream.send(1);
    yield* stream.send(2);
    expect(yield* errorOf(stream.send(3))).toBeInstanceOf(StreamOverrun);
  });

  it.each([
    ["drop-oldest", [3, 4, 5]],
    ["drop-newest", [1, 2, 3]],
  ] as const)(
    "B37 with `%s` the others are dropped and counted, and what is kept is sent in order",
    function* (policy, kept) {
      const { stream, peer, cid } = yield* open({ sendOverflow: policy, sendCapacity: 3 });
      for (const item of [1, 2, 3, 4, 5]) yield* stream.send(item);
      expect(stream.statistics()).toMatchObject({ pending: 3, droppedSending: 2, waits: 0 });
      peer.say({ msg_type: "Credit", cid, items: 100, bytes: 10_000 });
      yield* stream.drained();
      yield* macrotasks();
      expect(itemsIn(peer.heard)).toEqual(kept);
      yield* stream.send(6);
      yield* macrotasks();
      expect(itemsIn(peer.heard)).toEqual([...kept, 6]);
    },
  );

  it("what was accepted is not forgotten: draining waits until it has left, or nobody will take it", function* () {
    const { stream, peer, cid } = yield* open({ sendOverflow: "drop-newest", sendCapacity: 3 });
    yield* stream.send(1);
    yield* openNursery(function* (n) {
      let drained = false;
      n.startSoon(function* () {
        yield* stream.drained();
        drained = true;
      });
      yield* macrotasks();
      expect(drained).toBe(false);
      peer.say({ msg_type: "Stop", cid });
      yield* macrotasks();
      expect(drained).toBe(true);
    });
    expect(stream.statistics()).toMatchObject({ pending: 0, droppedSending: 1 });
  });
});

describe("overflow of what this side receives", () => {
  it.each([
    ["drop-oldest", [4, 5, 6]],
    ["drop-newest", [1, 2, 3]],
  ] as const)("B37 with `%s` the peer is not held back, and what is dropped is counted", function* (policy, kept) {
    const { stream, peer, cid } = yield* open({ overflow: policy, capacity: 3 });
    for (const item of [1, 2, 3, 4, 5, 6]) {
      peer.say({ msg_type: "Yield", cid, pld: item });
      yield* macrotasks();
    }
    expect(stream.statistics()).toMatchObject({ received: 6, droppedReceiving: 3 });
    expect(yield* received(stream)).toEqual(kept);
    const credit = peer.heard.flatMap((m) => (m.msg_type === "Credit" ? [m.items] : []));
    expect(credit.reduce((a, b) => a + b, 0)).toBeGreaterThan(6);
  });

  it("B37 with `error` the dialog ends with StreamOverrun, after what was received before", function* () {
    const { stream, peer, cid, result } = yield* open({ overflow: "error", capacity: 2 });
    for (const item of [1, 2, 3]) {
      peer.say({ msg_type: "Yield", cid, pld: item });
      yield* macrotasks();
    }
    expect(yield* stream.receive()).toBe(1);
    expect(yield* stream.receive()).toBe(2);
    expect(yield* errorOf(stream.receive())).toBeInstanceOf(StreamOverrun);
    expect(yield* errorOf(result())).toBeInstanceOf(StreamOverrun);
    expect(peer.heard.at(-1)).toMatchObject({ msg_type: "Start", func: "_cancel_task" });
  });
});

describe("options of a stream", () => {
  it.each([
    [{ capacity: 0 }, /capacity must be a whole number >= 1, got 0/],
    [{ capacityBytes: 1.5 }, /capacityBytes must be a whole number >= 1, got 1.5/],
    [{ sendCapacity: Number.NaN }, /sendCapacity must be a whole number >= 1, got NaN/],
    [{ overflow: "ignore" as never }, /overflow must be one of backpressure, .*, got ignore/],
    [{ sendOverflow: "" as never }, /sendOverflow must be one of/],
  ])("%j is refused, naming the field and the value", function* (options, message) {
    expect(yield* errorOf(open(options))).toMatchObject({
      name: "RangeError",
      message: expect.stringMatching(message),
    });
  });

  it("receiveNowait and trySend do not wait", function* () {
    const { stream, peer, cid } = yield* open({});
    expect(stream.trySend("x")).toBe(false);
    expect(() => stream.receiveNowait()).toThrow(/nothing to receive now/);
    peer.say({ msg_type: "Credit", cid, items: 1, bytes: 100 });
    peer.say({ msg_type: "Yield", cid, pld: "y" });
    yield* macrotasks();
    expect(stream.trySend("x")).toBe(true);
    expect(stream.receiveNowait()).toBe("y");
  });
});
