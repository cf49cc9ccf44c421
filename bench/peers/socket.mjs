/**
 * The limit: the same work by hand on a bare Unix socket (a pair whose other end the child inherits) with MessagePack.
 * Nothing is cancelled, supervised, typed or checked here. The socket's own buffers are the backpressure, for the
 * consumer is a callback. The variant says how items of a stream are framed: `items`, a frame for each, or `chunks`.
 */
import { spawn } from "node:child_process";
import { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { PAYLOADS } from "../payloads.mjs";
import { add, assertSame, callers, callersOfAll, shareOut, TASKS } from "../peer.mjs";
import { FrameReceiver, FrameSender } from "./socket-frames.mjs";

/** @import { PayloadName } from "../payloads.mjs" */
/** @import { TaskName } from "../peer.mjs" */

const IS_CHILD = "--bench-socket-child";
const FD = 3;
const CHUNK_ITEMS = 1_024;
const file = fileURLToPath(import.meta.url);

const CALL = 0;
const ECHO = 1;
const OPEN = 2;
const STREAM = 3;
const TASK = 4;

/** @type {import("../peer.mjs").OpenFleet} */
export async function open(count, variant) {
  const children = Array.from({ length: count }, () => new Child());
  await Promise.all(children.map(async (child) => assertSame("add", await child.ask(CALL, 1, 1), 2)));
  const [first] = children;
  if (first === undefined) throw new RangeError("a fleet has at least one child");
  const workers = children.map((child) => (/** @type {TaskName} */ name, /** @type {any} */ task) => {
    return child.ask(TASK, name, task);
  });
  return {
    ...callers((a, b) => first.ask(CALL, a, b)),
    stream: (name, items) => first.stream(name, items, variant === "chunks"),
    async pingPong(turns) {
      for (let i = 0; i < turns; i++) assertSame("echo", await first.ask(ECHO, i & 0x7f), i & 0x7f);
    },
    async dialogs(many) {
      for (let i = 0; i < many; i++) {
        const result = first.expect();
        assertSame("first value", await first.ask(OPEN, i, result.id), i);
        assertSame("result", await result.value, i + 1);
      }
    },
    tasks: (name, many) => shareOut(workers, name, many),
    ...callersOfAll(children.map((child) => (a, b) => child.ask(CALL, a, b))),
    async idle(many) {
      for (let i = 0; i < many; i++) {
        first.expect();
        assertSame("first value", await first.ask(ECHO, i), i);
      }
    },
    async cancels(many) {
      const from = performance.now();
      for (let i = 0; i < many; i++) assertSame("echo", await first.ask(ECHO, i), i);
      return performance.now() - from;
    },
    pids: async () => children.map(({ pid }) => pid),
    async close() {
      await Promise.all(children.map((child) => child.close()));
    },
  };
}

class Child {
  #process = spawn(process.execPath, [file, IS_CHILD], { stdio: ["ignore", "inherit", "inherit", "pipe"] });
  #socket = /** @type {Socket} */ (this.#process.stdio[FD]);
  #sender = new FrameSender(this.#socket);
  #receiver = new FrameReceiver(this.#socket, (value) => this.#hear(value));
  #nextId = 0;
  /** @type {Map<number, (value: any) => void>} */
  #waiting = new Map();
  /** @type {((item: any) => void) | undefined} */
  #onItem;

  get pid() {
    return this.#process.pid ?? 0;
  }

  expect() {
    const id = this.#nextId++;
    /** @type {Promise<unknown>} */
    const value = new Promise((resolve) => {
      this.#waiting.set(id, resolve);
    });
    return { id, value };
  }

  /** @type {(kind: number, a: unknown, b?: unknown) => Promise<unknown>} */
  ask(kind, a, b = 0) {
    const { id, value } = this.expect();
    this.#sender.send([kind, id, a, b]);
    return value;
  }

  /** @type {(name: PayloadName, count: number, inChunks: boolean) => Promise<number>} */
  stream(name, count, inChunks) {
    const { weigh, bytes } = PAYLOADS[name];
    let received = 0;
    let weight = 0;
    return new Promise((resolve) => {
      /** @param {any} item */
      const take = (item) => {
        weight += weigh(item);
        if (++received < count) return;
        this.#onItem = undefined;
        this.#receiver.raw = false;
        resolve(weight);
      };
      this.#onItem = inChunks && bytes === 0 ? (/** @type {any[]} */ items) => items.forEach(take) : take;
      this.#receiver.raw = bytes > 0;
      this.#sender.send([STREAM, name, count, inChunks]);
    });
  }

  async close() {
    const gone = new Promise((resolve) => {
      this.#process.on("exit", () => resolve(undefined));
    });
    this.#socket.end();
    await gone;
  }

  /** @param {any} value */
  #hear(value) {
    if (this.#onItem !== undefined) return this.#onItem(value);
    const [id, result] = value;
    const resolve = this.#waiting.get(id);
    this.#waiting.delete(id);
    resolve?.(result);
  }
}

function serve() {
  const socket = new Socket({ fd: FD });
  const sender = new FrameSender(socket);
  new FrameReceiver(socket, ([kind, a, b, c]) => {
    switch (kind) {
      case CALL:
        return void sender.send([a, add(b, c)]);
      case TASK:
        return void sender.send([a, TASKS[/** @type {TaskName} */ (b)].run(c)]);
      case ECHO:
        return void sender.send([a, b]);
      case OPEN:
        sender.send([a, b]);
        return void sender.send([c, b + 1]);
      case STREAM:
        return void produce(sender, a, b, c);
    }
  });
}

/** @type {(sender: FrameSender, name: PayloadName, count: number, inChunks: boolean) => Promise<void>} */
async function produce(sender, name, count, inChunks) {
  const { make, bytes } = PAYLOADS[name];
  for (let i = 0; i < count; ) {
    let room = true;
    if (bytes > 0) room = sender.sendBytes(/** @type {Uint8Array} */ (make(i++)));
    else if (inChunks) {
      const items = [];
      while (items.length < CHUNK_ITEMS && i < count) items.push(make(i++));
      room = sender.send(items);
    } else room = sender.send(make(i++));
    if (!room) await sender.drain();
  }
}

if (process.argv[2] === IS_CHILD) serve();
