/** gRPC over a Unix socket, by @grpc/grpc-js: the child is the server. */
import { importPackage } from "../packages.mjs";
import { PAYLOADS } from "../payloads.mjs";
import { assertSame, callers } from "../peer.mjs";
import { Child, STREAMS } from "./grpc-service.mjs";
import { startServer } from "./served-child.mjs";

/** @import { PayloadName } from "../payloads.mjs" */

const { credentials } = await importPackage("@grpc/grpc-js");

/** @type {import("../peer.mjs").OpenFleet} */
export async function open(count) {
  const children = await Promise.all(Array.from({ length: count }, start));
  const [first] = children;
  if (first === undefined) throw new RangeError("a fleet has at least one child");
  const { client, call } = first;
  return {
    ...callers(call),
    stream: (name, items) => stream(client, name, items),
    pingPong: (turns) => pingPong(client, turns),
    async dialogs(many) {
      for (let value = 0; value < many; value++) {
        let next = value;
        for await (const got of client.Dialog({ value })) assertSame("dialog", got.value, next++);
        assertSame("answers of a dialog", next, value + 2);
      }
    },
    async idle(many) {
      for (let value = 0; value < many; value++) {
        await new Promise((resolve, reject) => {
          const both = client.Echo();
          both.on("data", resolve).on("error", reject);
          both.write({ value });
        });
      }
    },
    pids: async () => children.map(({ pid }) => pid),
    async close() {
      await Promise.all(children.map((child) => child.close()));
    },
  };
}

async function start() {
  const server = await startServer(import.meta.resolve("./grpc-child.mjs"));
  const client = new Child(`unix:${server.path}`, credentials.createInsecure());
  /** @type {(a: number, b: number) => Promise<number>} */
  const call = (a, b) =>
    new Promise((resolve, reject) => {
      client.Add({ a, b }, (/** @type {Error | null} */ error, /** @type {{ value: number }} */ sum) => {
        if (error === null) resolve(sum.value);
        else reject(error);
      });
    });
  assertSame("add", await call(1, 1), 2);
  return {
    pid: server.pid,
    client,
    call,
    async close() {
      client.close();
      await server.close();
    },
  };
}

/** @type {(client: any, name: PayloadName, count: number) => Promise<number>} */
function stream(client, name, count) {
  const { weigh } = PAYLOADS[name];
  const isTick = STREAMS[name] === "Ticks";
  let weight = 0;
  return new Promise((resolve, reject) => {
    client[STREAMS[name]]({ name, count })
      .on("data", (/** @type {any} */ item) => {
        weight += weigh(isTick ? item : item.value);
      })
      .on("end", () => resolve(weight))
      .on("error", reject);
  });
}

/** @type {(client: any, turns: number) => Promise<void>} */
function pingPong(client, turns) {
  const both = client.Echo();
  return new Promise((resolve, reject) => {
    let turn = 0;
    both
      .on("data", (/** @type {{ value: number }} */ { value }) => {
        assertSame("echo", value, turn & 0x7f);
        if (++turn < turns) both.write({ value: turn & 0x7f });
        else both.end();
      })
      .on("end", resolve)
      .on("error", reject);
    both.write({ value: 0 });
  });
}
