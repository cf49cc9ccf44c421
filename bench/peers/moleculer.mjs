/**
 * moleculer: two nodes with its TCP transporter, and a service in one of them. Its streams are left out: they are bytes,
 * cut as the transporter sees fit, and nothing holds them up.
 */
import { createServer } from "node:net";
import { assertSame, callers } from "../peer.mjs";
import { createBroker } from "./moleculer-node.mjs";
import { startServer } from "./served-child.mjs";

/** @type {import("../peer.mjs").OpenFleet} */
export async function open(count) {
  if (count !== 1) throw new RangeError("the two nodes are one parent and one child");
  const ports = { parent: await freePort(), child: await freePort() };
  const server = await startServer(import.meta.resolve("./moleculer-child.mjs"), JSON.stringify(ports));
  const broker = createBroker("parent", ports);
  await broker.start();
  await broker.waitForServices("bench");
  /** @type {(a: number, b: number) => Promise<unknown>} */
  const call = (a, b) => broker.call("bench.add", { a, b });
  assertSame("add", await call(1, 1), 2);
  return {
    ...callers(call),
    pids: async () => [server.pid],
    async close() {
      await broker.stop();
      await server.close();
    },
  };
}

/** A port that was free a moment ago: the nodes have to know each other's before they listen. */
async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("a port was asked for");
  return address.port;
}
