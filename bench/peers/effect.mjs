/** Effect RPC over a Unix socket, with its binary serialization: the child is the server. It has no stream both ways. */
import { importPackage } from "../packages.mjs";
import { PAYLOADS } from "../payloads.mjs";
import { add, assertSame } from "../peer.mjs";
import { Procedures, STREAMS } from "./effect-service.mjs";
import { startServer } from "./served-child.mjs";

/** @import { PayloadName } from "../payloads.mjs" */

const { Deferred, Effect, Exit, Fiber, Layer, Scope, Stream } = await importPackage("effect");
const { RpcClient, RpcSerialization } = await importPackage("effect/rpc");
const NodeSocket = await importPackage("@effect/platform-node/NodeSocket");

/** @type {import("../peer.mjs").OpenFleet} */
export async function open(count) {
  const children = await Promise.all(Array.from({ length: count }, start));
  const [first] = children;
  if (first === undefined) throw new RangeError("a fleet has at least one child");
  const { client } = first;
  return {
    stream: (name, items) => Effect.runPromise(stream(client, name, items)),
    calls: (n) => Effect.runPromise(calls(client, n)),
    callsAtOnce: (n, many) =>
      Effect.runPromise(
        Effect.all(
          Array.from({ length: many }, () => calls(client, Math.ceil(n / many))),
          { concurrency: "unbounded", discard: true },
        ),
      ),
    dialogs: (n) => Effect.runPromise(dialogs(client, n)),
    idle: (n) => Effect.runPromise(idle(client, n)),
    cancels: (n) => Effect.runPromise(cancels(client, n)),
    pids: async () => children.map(({ pid }) => pid),
    async close() {
      await Promise.all(children.map((child) => child.close()));
    },
  };
}

async function start() {
  const server = await startServer(import.meta.resolve("./effect-child.mjs"));
  const protocol = RpcClient.layerProtocolSocket().pipe(
    Layer.provide(RpcSerialization.layerSchemaBinary()),
    Layer.provide(NodeSocket.layerNet({ path: server.path })),
  );
  const scope = Scope.makeUnsafe();
  const client = await Effect.runPromise(
    Effect.gen(function* () {
      const context = yield* Layer.build(protocol);
      return yield* Effect.provide(RpcClient.make(Procedures), context);
    }).pipe(Scope.provide(scope)),
  );
  await Effect.runPromise(calls(client, 1));
  return {
    pid: server.pid,
    client,
    async close() {
      await Effect.runPromise(Scope.close(scope, Exit.void));
      await server.close();
    },
  };
}

/** @param {any} client @param {number} count */
function calls(client, count) {
  return Effect.gen(function* () {
    for (let a = 0; a < count; a++) assertSame("add", yield* client.Add({ a, b: 1 }), add(a, 1));
  });
}

/** @param {any} client @param {number} count */
function dialogs(client, count) {
  return Effect.gen(function* () {
    for (let value = 0; value < count; value++) {
      let next = value;
      yield* Stream.runForEach(client.Dialog({ value }), (/** @type {number} */ got) =>
        Effect.sync(() => assertSame("dialog", got, next++)),
      );
      assertSame("answers of a dialog", next, value + 2);
    }
  });
}

/** A fiber that waits for the end of a stream which has given its first value. @param {any} client */
function sleeping(client) {
  return Effect.gen(function* () {
    const started = yield* Deferred.make();
    const fiber = yield* Effect.forkDetach(
      Stream.runForEach(client.Sleep(), () => Deferred.succeed(started, undefined)),
    );
    yield* Deferred.await(started);
    return fiber;
  });
}

/** @param {any} client @param {number} count */
function idle(client, count) {
  return Effect.gen(function* () {
    for (let i = 0; i < count; i++) yield* sleeping(client);
  });
}

/** @param {any} client @param {number} count */
function cancels(client, count) {
  return Effect.gen(function* () {
    let ms = 0;
    for (let i = 0; i < count; i++) {
      const fiber = yield* sleeping(client);
      const from = performance.now();
      yield* Fiber.interrupt(fiber);
      ms += performance.now() - from;
    }
    return ms;
  });
}

/** @param {any} client @param {PayloadName} name @param {number} count */
function stream(client, name, count) {
  const { weigh } = PAYLOADS[name];
  return Effect.gen(function* () {
    let weight = 0;
    yield* Stream.runForEach(client[STREAMS[name]]({ name, count }), (/** @type {any} */ item) =>
      Effect.sync(() => {
        weight += weigh(item);
      }),
    );
    return weight;
  });
}
