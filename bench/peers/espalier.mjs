/**
 * espalier as its README has it: an actor nursery, portals, contexts and their streams, `actorMap` for tasks, all options
 * at their defaults. Variants: `promises` calls Promise code; `ahead` gives an actor tasks before it is done with others.
 */
import { Event, each, openActorNursery, openNursery, run, runIn, sleepForever } from "../espalier.mjs";
import { PAYLOADS } from "../payloads.mjs";
import { assertSame, shareOf, TASKS } from "../peer.mjs";
import { actorMap } from "../trionics.mjs";
import { add, addLater, dialog, echo, items, pid, sleeping, spin } from "./espalier-service.mjs";

/** @import { Operation } from "effection" */
/** @import { ActorNursery, ActorOptions, Nursery, PeerContext, Portal, TaskStatus } from "../espalier.mjs" */
/** @import { PayloadName } from "../payloads.mjs" */
/** @import { TaskName } from "../peer.mjs" */

const enableModules = [import.meta.resolve("./espalier-service.mjs")];

/** @type {import("../peer.mjs").OpenFleet} */
export async function open(count, variant) {
  const stop = new Event();
  /** @type {(standing: { nursery: Nursery, portals: readonly Portal[] }) => void} */
  let stand;
  /** @type {Promise<{ nursery: Nursery, portals: readonly Portal[] }>} */
  const standing = new Promise((resolve) => {
    stand = resolve;
  });
  const tree = run(() =>
    openActorNursery(function* (actors) {
      const portals = yield* startAll(actors, count, variant === "promises" ? { promises: "quarantine" } : {});
      yield* openNursery(function* (nursery) {
        stand({ nursery, portals });
        yield* stop.wait();
        nursery.cancelScope.cancel("the work is done");
      });
      actors.cancelScope.cancel("the work is done");
    }),
  );
  const { nursery, portals } = await Promise.race([standing, tree.then(() => standing)]);
  const [portal] = portals;
  /** What is called: an operation, or the same as Promise code. */
  const fn = variant === "promises" ? addLater : add;
  if (portal === undefined) throw new RangeError("a fleet has at least one child");
  return {
    stream: (name, n) => runIn(nursery, () => stream(portal, name, n)),
    pingPong: (n) => runIn(nursery, () => pingPong(portal, n)),
    calls: (n) => runIn(nursery, () => calls(portal, n, fn)),
    callsAtOnce: (n, callers) =>
      runIn(nursery, () =>
        openNursery(function* (inner) {
          for (let i = 0; i < callers; i++) inner.startSoon(() => calls(portal, Math.ceil(n / callers), fn));
        }),
      ),
    dialogs: (n) => runIn(nursery, () => dialogs(portal, n)),
    idle: (n) =>
      runIn(nursery, function* () {
        for (let i = 0; i < n; i++) yield* nursery.start(holdOpen, portal);
      }),
    cancels: (n) => runIn(nursery, () => cancels(portal, n)),
    callsOfAll: (n) =>
      runIn(nursery, () =>
        openNursery(function* (inner) {
          for (const [i, one] of portals.entries()) inner.startSoon(calls, one, shareOf(n, portals.length, i), fn);
        }),
      ),
    tasks: (name, n) => runIn(nursery, () => tasks(portals, name, n, variant === "ahead" ? TASKS[name].ahead : 1)),
    pids: () =>
      runIn(nursery, function* () {
        const pids = [];
        for (const one of portals) pids.push(yield* one.run(pid));
        return pids;
      }),
    async fail() {
      process.kill(portals[0]?.pid ?? 0, "SIGKILL");
      await tree.then(
        () => Promise.reject(new Error("the death of a child was not told")),
        (error) => assertSame("what is told", error.leaves()[0].name, "ActorDied"),
      );
    },
    async close() {
      stop.set();
      await tree;
    },
  };
}

/** @param {ActorNursery} actors @param {number} count @param {ActorOptions} options @returns {Operation<readonly Portal[]>} */
function* startAll(actors, count, options) {
  /** @type {Portal[]} */
  const portals = [];
  yield* openNursery(function* (nursery) {
    for (let i = 0; i < count; i++) {
      nursery.startSoon(function* () {
        const portal = yield* actors.startActor(`bench ${i}`, { enableModules, ...options });
        assertSame("add", yield* portal.run(add, { a: 1, b: 1 }), 2);
        portals.push(portal);
      });
    }
  });
  return portals;
}

/** @param {Portal} portal @param {PayloadName} name @param {number} count @returns {Operation<number>} */
function* stream(portal, name, count) {
  const { weigh } = PAYLOADS[name];
  let weight = 0;
  yield* portal.openContext(items, { name, count }, function* (ctx) {
    yield* ctx.openStream(function* (received) {
      for (const item of yield* each(received)) {
        weight += weigh(/** @type {any} */ (item));
        yield* each.next();
      }
    });
  });
  return weight;
}

/** @param {Portal} portal @param {number} count @returns {Operation<void>} */
function* pingPong(portal, count) {
  yield* portal.openContext(echo, {}, function* (ctx) {
    yield* ctx.openStream(function* (both) {
      for (let i = 0; i < count; i++) {
        yield* both.send(i & 0x7f);
        assertSame("echo", yield* both.receive(), i & 0x7f);
      }
    });
  });
}

/** @param {Portal} portal @param {number} count @param {typeof add | typeof addLater} fn @returns {Operation<void>} */
function* calls(portal, count, fn) {
  for (let i = 0; i < count; i++) assertSame("add", yield* portal.run(fn, { a: i, b: 1 }), i + 1);
}

/** @param {Portal} portal @param {number} count @returns {Operation<void>} */
function* dialogs(portal, count) {
  for (let value = 0; value < count; value++) {
    yield* portal.openContext(dialog, { value }, function* (ctx, first) {
      assertSame("first value", first, value);
      assertSame("result", yield* ctx.waitForResult(), value + 1);
    });
  }
}

/** @param {TaskStatus<void>} status @param {Portal} portal @returns {Operation<void>} */
function* holdOpen(status, portal) {
  yield* portal.openContext(sleeping, {}, function* () {
    status.started();
    yield* sleepForever();
  });
}

/** @param {Portal} portal @param {number} count @returns {Operation<number>} */
function* cancels(portal, count) {
  let ms = 0;
  let from = 0;
  /** @param {PeerContext} ctx */
  const cancel = function* (ctx) {
    from = performance.now();
    yield* ctx.cancel();
  };
  for (let i = 0; i < count; i++) {
    yield* portal.openContext(sleeping, {}, cancel);
    ms += performance.now() - from;
  }
  return ms;
}

/** @param {readonly Portal[]} portals @param {TaskName} name @param {number} count @param {number} atOnce - in each @returns {Operation<void>} */
function* tasks(portals, name, count, atOnce) {
  const { make, expected } = TASKS[name];
  const items = Array.from({ length: count }, (_, i) => make(i));
  const options = { concurrency: atOnce * portals.length };
  const fn = /** @type {typeof add} */ (name === "add" ? add : spin);
  for (const { index, value } of yield* each(actorMap(portals, fn, items, options))) {
    assertSame(name, value, expected(index));
    yield* each.next();
  }
}
