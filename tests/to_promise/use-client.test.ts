import { EventEmitter } from "node:events";
import { type Operation, run as runInEffection } from "effection";
import { expectTypeOf } from "vitest";
import { CancelScope, openNursery, sleepForever } from "../../core/mod.ts";
import { ClientNotClosed, ScCancelled, useClient } from "../../to_promise/mod.ts";
import { expect, it } from "../support/it.ts";
import { cancelLater, describeError, errorOf, hostTurn } from "./promise-side.ts";

/** A client as a library has it: it connects, emits errors, and closes. */
class Client extends EventEmitter {
  readonly log: string[];

  constructor(log: string[]) {
    super();
    this.log = log;
  }

  async connect(): Promise<this> {
    await null;
    this.log.push("connected");
    return this;
  }

  async close(): Promise<void> {
    await null;
    this.log.push("closed");
  }
}

const ENDS: Record<string, (client: Client) => Operation<unknown>> = {
  *returns(client) {
    client.log.push("used");
  },
  *fails(client) {
    client.log.push("used");
    throw new Error("body");
  },
  *"is cancelled"(client) {
    client.log.push("used");
    yield* sleepForever();
  },
};

it.each(Object.entries(ENDS))("a client is closed, and that awaited, when its user %s", function* (how, use) {
  const log: string[] = [];
  const outcome = yield* cancelLater(() =>
    openNursery(function* (nursery) {
      nursery.startSoon(function* () {
        const client = yield* useClient(
          () => new Client(log).connect(),
          (client) => client.close(),
        );
        expectTypeOf(client).toEqualTypeOf<Client>();
        yield* use(client);
      });
    }),
  );
  log.push("left");
  expect(log).toEqual(["connected", "used", "closed", "left"]);
  expect(outcome).toBe({ returns: "value undefined", fails: "[Error: body]", "is cancelled": "Cancelled" }[how]);
});

it("what cannot be connected is not closed, and its error is raised", function* () {
  let closes = 0;
  const error = yield* errorOf(() =>
    useClient(
      () => Promise.reject(new Error("no route")),
      () => closes++,
    ),
  );
  expect(describeError(error)).toContain("Error: no route");
  expect(closes).toBe(0);
});

it("cancelled while it connects, the client is told; one that comes all the same is closed", function* () {
  const log: string[] = [];
  function* user(): Operation<void> {
    yield* useClient(
      async ({ signal }) => {
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
        log.push(signal.reason instanceof ScCancelled ? "told" : String(signal.reason));
        return new Client(log).connect();
      },
      (client) => client.close(),
    );
    log.push("used");
    yield* sleepForever();
  }
  const outcome = yield* cancelLater(() =>
    openNursery(function* (nursery) {
      nursery.startSoon(user);
    }),
  );
  expect(log).toEqual(["told", "connected", "closed"]);
  expect(outcome).toBe("Cancelled");
});

it("a close that takes too long is aborted, and raised by the client's name", function* () {
  let told: unknown;
  const scope = new CancelScope();
  const error = yield* errorOf(() =>
    scope.run(function* () {
      yield* openNursery(function* (nursery) {
        nursery.startSoon(function* () {
          yield* useClient(
            () => "client",
            (_client, { signal }) =>
              new Promise<void>((_resolve, reject) =>
                signal.addEventListener("abort", () => {
                  told = signal.reason;
                  reject(signal.reason);
                }),
              ),
            { closeTimeoutMs: 5, name: "feed" },
          );
        });
      });
    }),
  );
  expect(describeError(error)).toContain("ClientNotClosed");
  expect(told).toBeInstanceOf(ScCancelled);
  expect(new ClientNotClosed("feed", 5).message).toMatch(/client "feed" was not closed within 5 ms/);
});

it("a loss that it is watched for fails whoever uses it, and it is closed", function* () {
  const log: string[] = [];
  const client = new Client(log);
  const error = yield* errorOf(() =>
    openNursery(function* (nursery) {
      nursery.startSoon(function* () {
        yield* useClient(
          () => client.connect(),
          (it) => it.close(),
          { watch: (it, lost) => void it.on("error", lost) },
        );
        yield* hostTurn();
        client.emit("error", new Error("reset by peer"));
        client.emit("error", new Error("and again"));
        yield* sleepForever();
      });
    }),
  );
  expect(describeError(error)).toContain("Error: reset by peer");
  expect(log).toEqual(["connected", "closed"]);
});

it("in a foreign Effection task a halt closes it", async () => {
  const log: string[] = [];
  const task = runInEffection(function* () {
    yield* useClient(
      () => new Client(log).connect(),
      (client) => client.close(),
    );
    yield* sleepForever();
  });
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  await task.halt();
  expect(log).toEqual(["connected", "closed"]);
});

it("refuses what cannot be called, and a bound that is none", () => {
  const client = () => "client";
  // @ts-expect-error a client instead of what connects it
  expect(() => useClient("client", client)).toThrow(/useClient\(asyncFn/);
  expect(() => useClient(client, client, { closeTimeoutMs: -1 })).toThrow(/closeTimeoutMs must be >= 0, got -1/);
});
