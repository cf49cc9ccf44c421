/**
 * espalier as its README has it: an actor nursery, portals, contexts and their streams, `actorMap` for tasks, all options
 * at their defaults. Variants: `promises` calls Promise code; `ahead` gives an actor tasks before it is done with others.
 */
import { Event, openActorNursery, openNursery, run, runIn } from "../espalier.mjs";
import { assertSame, shareOf, TASKS } from "../peer.mjs";
import { add, addLater, pid } from "./espalier-service.mjs";
import { calls, callsAtOnce, cancels, dialogs, holdOpen, pingPong, stream, tasks } from "./espalier-work.mjs";

/** @import { Operation } from "effection" */
/** @import { ActorNursery, ActorOptions, Nursery, Portal } from "../espalier.mjs" */

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
    callsAtOnce: (n, callers) => runIn(nursery, () => callsAtOnce(portal, n, callers, fn)),
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
