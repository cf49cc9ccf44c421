/** The child of the Effect RPC peer: a server on the Unix socket that it is told, until its stdin ends. */
import { writeSync } from "node:fs";
import { importPackage } from "../packages.mjs";
import { PAYLOADS } from "../payloads.mjs";
import { add } from "../peer.mjs";
import { Procedures } from "./effect-service.mjs";

/** @import { PayloadName } from "../payloads.mjs" */

const { Effect, Layer, Stream } = await importPackage("effect");
const { RpcSerialization, RpcServer } = await importPackage("effect/rpc");
const NodeSocketServer = await importPackage("@effect/platform-node/NodeSocketServer");

/** @param {{ name: PayloadName, count: number }} request */
function produce({ name, count }) {
  const { make, bytes } = PAYLOADS[name];
  // By default a range comes in arrays of thousands, and each array leaves as one message: too long with bytes.
  const numbers = bytes > 0 ? Stream.range(0, count - 1, 1) : Stream.range(0, count - 1);
  return Stream.map(numbers, make);
}

const handlers = Procedures.toLayer({
  Add: (/** @type {{ a: number, b: number }} */ { a, b }) => Effect.sync(() => add(a, b)),
  Dialog: (/** @type {{ value: number }} */ { value }) => Stream.make(value, value + 1),
  Sleep: () => Stream.concat(Stream.make(0), Stream.never),
  Integers: produce,
  Ticks: produce,
  Chunks: produce,
});

const server = RpcServer.layer(Procedures).pipe(
  Layer.provide(handlers),
  Layer.provide(RpcServer.layerProtocolSocketServer),
  Layer.provide(RpcSerialization.layerSchemaBinary()),
  Layer.provide(NodeSocketServer.layer({ path: process.argv[2] })),
);
Effect.runFork(
  Effect.scoped(
    Effect.gen(function* () {
      yield* Layer.build(server);
      writeSync(1, "ready\n");
      yield* Effect.never;
    }),
  ),
);
process.stdin.on("end", () => process.exit()).resume();
