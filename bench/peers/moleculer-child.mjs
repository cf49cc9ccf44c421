/** The child of the moleculer peer: a node with the service, until its stdin ends. */
import { writeSync } from "node:fs";
import { add } from "../peer.mjs";
import { createBroker } from "./moleculer-node.mjs";

const broker = createBroker("child", JSON.parse(process.argv[2] ?? ""));
broker.createService({
  name: "bench",
  actions: { add: (/** @type {{ params: { a: number, b: number } }} */ { params }) => add(params.a, params.b) },
});
await broker.start();
writeSync(1, "ready\n");
process.stdin.on("end", () => process.exit()).resume();
