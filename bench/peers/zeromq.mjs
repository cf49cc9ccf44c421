/**
 * zeromq, by one dealer on each side of a Unix socket, so that several questions may be open at once; the answers are
 * found by id. Its high-water marks, a thousand messages on each side, are the backpressure of a stream.
 */
import { importPackage } from "../packages.mjs";
import { PAYLOADS } from "../payloads.mjs";
import { assertSame, callers } from "../peer.mjs";
import { startServer } from "./served-child.mjs";
import { CALL, ECHO, OPEN, pack, STREAM, unpack } from "./zeromq-frames.mjs";

/** @import { PayloadName } from "../payloads.mjs" */

const { Dealer } = await importPackage("zeromq");

/** @type {import("../peer.mjs").OpenFleet} */
export async function open(count) {
  const children = await Promise.all(Array.from({ length: count }, start));
  const [first] = children;
  if (first === undefined) throw new RangeError("a fleet has at least one child");
  const { client } = first;
  return {
    ...callers((a, b) => client.ask(CALL, a, b)),
    stream: (name, items) => client.stream(name, items),
    async pingPong(turns) {
      for (let i = 0; i < turns; i++) assertSame("echo", await client.ask(ECHO, i & 0x7f), i & 0x7f);
    },
    async dialogs(many) {
      for (let i = 0; i < many; i++) {
        const { first: started, result } = client.open(i);
        assertSame("first value", await started, i);
        assertSame("result", await result, i + 1);
      }
    },
    pids: async () => children.map(({ pid }) => pid),
    async close() {
      await Promise.all(children.map((child) => child.close()));
    },
  };
}

async function start() {
  const server = await startServer(import.meta.resolve("./zeromq-child.mjs"));
  const client = new Client(server.path);
  assertSame("add", await client.ask(CALL, 1, 1), 2);
  return {
    pid: server.pid,
    client,
    async close() {
      client.close();
      await server.close();
    },
  };
}

class Client {
  #socket = new Dealer();
  #nextId = 0;
  /** @type {Map<number, (value: any, bytes: Uint8Array | undefined) => void>} */
  #waiting = new Map();

  /** @param {string} path */
  constructor(path) {
    this.#socket.connect(`ipc://${path}`);
    void this.#read();
  }

  /** @type {(kind: number, a: unknown, b?: unknown) => Promise<unknown>} */
  ask(kind, a, b) {
    return new Promise((resolve) => {
      this.#tell(kind, a, b, (value, id) => {
        this.#waiting.delete(id);
        resolve(value);
      });
    });
  }

  /** @param {number} value */
  open(value) {
    /** @type {(value: unknown) => void} */
    let start;
    const first = new Promise((resolve) => {
      start = resolve;
    });
    const result = new Promise((resolve) => {
      let isStarted = false;
      this.#tell(OPEN, value, undefined, (got, id) => {
        if (!isStarted) {
          isStarted = true;
          return start(got);
        }
        this.#waiting.delete(id);
        resolve(got);
      });
    });
    return { first, result };
  }

  /** @type {(name: PayloadName, count: number) => Promise<number>} */
  stream(name, count) {
    const { weigh } = PAYLOADS[name];
    let received = 0;
    let weight = 0;
    return new Promise((resolve) => {
      this.#tell(STREAM, name, count, (item, id, bytes) => {
        weight += weigh(bytes ?? item);
        if (++received < count) return;
        this.#waiting.delete(id);
        resolve(weight);
      });
    });
  }

  close() {
    this.#socket.close();
  }

  /** @type {(kind: number, a: unknown, b: unknown, hear: (value: any, id: number, bytes: Uint8Array | undefined) => void) => void} */
  #tell(kind, a, b, hear) {
    const id = this.#nextId++;
    this.#waiting.set(id, (value, bytes) => hear(value, id, bytes));
    void this.#socket.send(pack([kind, id, a, b]));
  }

  async #read() {
    for await (const frames of this.#socket) {
      const [[id, value], bytes] = unpack(frames);
      this.#waiting.get(id)?.(value, bytes);
    }
  }
}
