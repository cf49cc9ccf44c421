/**
 * Work by plain messages, as it is written by hand over `child_process.fork` and `MessagePort`: a message is
 * `[kind, id, value]`, whoever waits is found by id, and a stream has a window of acknowledgements, for these channels
 * have no backpressure of their own.
 */
import { PAYLOADS } from "../payloads.mjs";
import { add, assertSame, callers, callersOfAll, shareOut, TASKS } from "../peer.mjs";

/** @import { PayloadName } from "../payloads.mjs" */
/** @import { Fleet, TaskName } from "../peer.mjs" */

/** @typedef {[kind: number, id: number, value?: any, more?: any]} PlainMessage */

/**
 * @typedef {object} Port
 * @property {(message: PlainMessage) => void} send
 * @property {(hear: (message: PlainMessage) => void) => void} listen - called once
 * @property {boolean} [text] - it carries JSON only: bytes go as base64
 */

/**
 * @typedef {object} ChildPortParts
 * @property {number | undefined} pid
 * @property {() => Promise<void>} [kill] - settles when it has gone
 * @property {() => Promise<void>} close
 *
 * @typedef {Port & ChildPortParts} ChildPort
 */

const CALL = 0;
const RESULT = 1;
const STREAM = 2;
const ITEM = 3;
const ACK = 4;
const ECHO = 5;
const OPEN = 6;
const STARTED = 7;
const TASK = 8;
const SLEEP = 9;
const CANCEL = 10;

/** Until a task that sleeps would be done, in milliseconds: it is cancelled long before. */
const LONG_MS = 1_000_000;

/** The child's side. @param {Port} port */
export function serveMessages(port) {
  /** @type {Map<number, (items: number) => void>} */
  const acked = new Map();
  /** @type {Map<number, ReturnType<typeof setTimeout>>} */
  const asleep = new Map();
  port.listen(([kind, id, value, more]) => {
    switch (kind) {
      case CALL:
        return port.send([RESULT, id, add(value, more)]);
      case TASK:
        return port.send([RESULT, id, TASKS[/** @type {TaskName} */ (value)].run(more)]);
      case ECHO:
        return port.send([RESULT, id, value]);
      case OPEN:
        port.send([STARTED, id, value]);
        return port.send([RESULT, id, value + 1]);
      case SLEEP:
        asleep.set(
          id,
          setTimeout(() => port.send([RESULT, id]), LONG_MS),
        );
        return port.send([STARTED, id, value]);
      case CANCEL:
        clearTimeout(asleep.get(id));
        asleep.delete(id);
        return port.send([RESULT, id, value]);
      case ACK:
        return acked.get(id)?.(value);
      case STREAM:
        return void produce(port, id, value, more, acked);
    }
  });
}

/** @type {(port: Port, id: number, name: PayloadName, count: number, acked: Map<number, (items: number) => void>) => Promise<void>} */
async function produce(port, id, name, count, acked) {
  const { make, window, bytes } = PAYLOADS[name];
  const pack = bytes > 0 && port.text ? (/** @type {any} */ item) => Buffer.from(item).toString("base64") : undefined;
  let credit = window;
  /** @type {(() => void) | undefined} */
  let wake;
  acked.set(id, (items) => {
    credit += items;
    wake?.();
  });
  for (let i = 0; i < count; i++) {
    if (credit === 0) {
      await new Promise((resolve) => {
        wake = () => resolve(undefined);
      });
    }
    credit--;
    const item = make(i);
    port.send([ITEM, id, pack === undefined ? item : pack(item)]);
  }
  acked.delete(id);
}

/**
 * The parent's side. @param {readonly ChildPort[]} ports @returns {Promise<Fleet>} once each child has given a result
 */
export async function openByMessages(ports) {
  const clients = await Promise.all(
    ports.map(async (port) => {
      const one = new Client(port);
      assertSame("add", await one.ask(CALL, 1, 1), 2);
      return one;
    }),
  );
  const [client] = clients;
  if (client === undefined) throw new RangeError("a fleet has at least one child");
  const workers = clients.map((one) => (/** @type {TaskName} */ name, /** @type {any} */ task) => {
    return one.ask(TASK, name, task);
  });
  return {
    ...callers((a, b) => client.ask(CALL, a, b)),
    stream: (name, count) => client.stream(name, count),
    async observe(count) {
      await client.stream("int", count);
    },
    async pingPong(count) {
      for (let i = 0; i < count; i++) assertSame("echo", await client.ask(ECHO, i & 0x7f), i & 0x7f);
    },
    async dialogs(count) {
      for (let i = 0; i < count; i++) {
        const { first, result } = client.open(OPEN, i);
        assertSame("first value", await first, i);
        assertSame("result", await result, i + 1);
      }
    },
    tasks: (name, count) => shareOut(workers, name, count),
    ...callersOfAll(clients.map((one) => (a, b) => one.ask(CALL, a, b))),
    async cancels(count) {
      let ms = 0;
      for (let i = 0; i < count; i++) {
        const { id, first, result } = client.open(SLEEP, i);
        await first;
        const from = performance.now();
        client.tell(CANCEL, id, i);
        assertSame("cancelled", await result, i);
        ms += performance.now() - from;
      }
      return ms;
    },
    pids: async () => ports.map(({ pid }) => pid ?? 0),
    async fail() {
      const [first, ...others] = ports;
      await first?.kill?.();
      await Promise.all(others.map((port) => port.close()));
    },
    async close() {
      await Promise.all(ports.map((port) => port.close()));
    },
  };
}

class Client {
  #port;
  #nextId = 0;
  /** @type {Map<number, (message: PlainMessage) => void>} */
  #waiting = new Map();

  /** @param {Port} port */
  constructor(port) {
    this.#port = port;
    port.listen((message) => this.#waiting.get(message[1])?.(message));
  }

  /** @type {(kind: number, value: unknown, more?: unknown) => Promise<unknown>} */
  ask(kind, value, more) {
    const id = this.#nextId++;
    return new Promise((resolve) => {
      this.#waiting.set(id, (message) => {
        this.#waiting.delete(id);
        resolve(message[2]);
      });
      this.#port.send([kind, id, value, more]);
    });
  }

  /** @type {(kind: number, id: number, value: unknown) => void} */
  tell(kind, id, value) {
    this.#port.send([kind, id, value]);
  }

  /** @param {number} kind @param {number} value */
  open(kind, value) {
    const id = this.#nextId++;
    /** @type {(value: unknown) => void} */
    let start;
    const first = new Promise((resolve) => {
      start = resolve;
    });
    const result = new Promise((resolve) => {
      this.#waiting.set(id, ([kind, , got]) => {
        if (kind === STARTED) return start(got);
        this.#waiting.delete(id);
        resolve(got);
      });
      this.#port.send([kind, id, value]);
    });
    return { id, first, result };
  }

  /** @type {(name: PayloadName, count: number) => Promise<number>} */
  stream(name, count) {
    const { weigh, window, bytes } = PAYLOADS[name];
    const unpack =
      bytes > 0 && this.#port.text ? (/** @type {string} */ text) => Buffer.from(text, "base64") : undefined;
    const id = this.#nextId++;
    const every = Math.max(1, window >> 1);
    let received = 0;
    let weight = 0;
    return new Promise((resolve) => {
      this.#waiting.set(id, ([, , value]) => {
        weight += weigh(unpack === undefined ? value : unpack(value));
        received++;
        if (received % every === 0) this.#port.send([ACK, id, every]);
        if (received < count) return;
        this.#waiting.delete(id);
        resolve(weight);
      });
      this.#port.send([STREAM, id, name, count]);
    });
  }
}
