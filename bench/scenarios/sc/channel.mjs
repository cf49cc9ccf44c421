/** One task sends numbers to another. */
import { createChannel, run as runEffection, spawn } from "effection";
import { openMemoryChannel, openNursery, run } from "../../espalier.mjs";
import { microsecondsEach } from "../../scenario.mjs";

/** @import { Measure, Scenario } from "../../scenario.mjs" */

/** @param {number} capacity @returns {Measure} */
function ours(capacity) {
  return microsecondsEach(100_000, (n) =>
    run(() =>
      openNursery(function* (nursery) {
        const [send, receive] = /** @type {typeof openMemoryChannel<number>} */ (openMemoryChannel)(capacity);
        nursery.startSoon(function* () {
          for (let i = 0; i < n; i++) yield* send.send(i);
        });
        for (let i = 0; i < n; i++) assertNext(yield* receive.receive(), i);
      }),
    ),
  );
}

const effection = microsecondsEach(10_000, (n) =>
  runEffection(function* () {
    const channel = /** @type {typeof createChannel<number, void>} */ (createChannel)();
    const items = yield* channel;
    const producer = yield* spawn(function* () {
      for (let i = 0; i < n; i++) yield* channel.send(i);
    });
    for (let i = 0; i < n; i++) assertNext((yield* items.next()).value, i);
    yield* producer;
  }),
);

/** A bounded queue by hand: one producer, one consumer, no cancellation, no closing. */
class PromiseQueue {
  /** @type {number[]} */
  #items = [];
  #head = 0;
  /** @type {(() => void) | undefined} */
  #whenItem;
  /** @type {(() => void) | undefined} */
  #whenRoom;
  #capacity;

  /** @param {number} capacity */
  constructor(capacity) {
    this.#capacity = capacity;
  }

  /** @param {number} item */
  async send(item) {
    this.#items.push(item);
    this.#whenItem?.();
    if (this.#items.length - this.#head <= this.#capacity) return;
    await new Promise((resolve) => {
      this.#whenRoom = () => resolve(undefined);
    });
  }

  async receive() {
    if (this.#head === this.#items.length) {
      await new Promise((resolve) => {
        this.#whenItem = () => resolve(undefined);
      });
    }
    const item = this.#items[this.#head++];
    if (this.#head === this.#items.length) {
      this.#items = [];
      this.#head = 0;
    }
    this.#whenRoom?.();
    return item;
  }
}

/** @param {number} capacity @returns {Measure} */
function promises(capacity) {
  return microsecondsEach(100_000, async (n) => {
    const queue = new PromiseQueue(capacity);
    const produce = async () => {
      for (let i = 0; i < n; i++) await queue.send(i);
    };
    const consume = async () => {
      for (let i = 0; i < n; i++) assertNext(await queue.receive(), i);
    };
    await Promise.all([produce(), consume()]);
  });
}

/** @param {number | undefined | void} item @param {number} expected */
function assertNext(item, expected) {
  if (item !== expected) throw new Error(`received ${item} where ${expected} was due`);
}

const note = "Effection's channel has no bound and no hand-off: its senders never wait";

/** @type {Readonly<Record<string, Scenario>>} */
export const scenarios = {
  "channel-0": {
    title: "channel, capacity 0",
    unit: "µs/item",
    limit: "promises",
    note,
    peers: { espalier: ours(0), effection, promises: promises(0) },
  },
  "channel-1000": {
    title: "channel, capacity 1000",
    unit: "µs/item",
    limit: "promises",
    note,
    peers: { espalier: ours(1_000), effection, promises: promises(1_000) },
  },
};
