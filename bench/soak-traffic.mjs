/** The traffic of a soak: lanes that go on beside each other on one tree, each of them a few kinds of work in turns. */
import { ActorDied, ExceptionGroup, openActorNursery, openNursery } from "./espalier.mjs";
import { expectedWeight } from "./payloads.mjs";
import { assertSame } from "./peer.mjs";
import { add } from "./peers/espalier-service.mjs";
import { calls, callsAtOnce, cancels, dialogs, pingPong, stream } from "./peers/espalier-work.mjs";
import { FAILED, fails } from "./soak-service.mjs";

/** @import { Operation } from "effection" */
/** @import { ActorNursery, Portal } from "./espalier.mjs" */
/** @import { PayloadName } from "./payloads.mjs" */

/**
 * @typedef {object} Tree
 * @property {ActorNursery} actors
 * @property {Portal} child - it lives as long as the soak
 *
 * @typedef {object} Kind
 * @property {string} unit
 * @property {number} count - operations in one turn, which takes some tenths of a second
 * @property {(tree: Tree, count: number) => Operation<unknown>} work
 *
 * @typedef {{ ops: number, ms: number }} Done
 * @typedef {Record<string, Done>} Tally - by kind
 */

const CALLERS = 64;

/** What actors of the soak expose. */
export const enableModules = ["./peers/espalier-service.mjs", "./soak-service.mjs"].map((path) =>
  import.meta.resolve(path),
);

/** @type {(name: PayloadName) => Kind["work"]} */
const streamOf = (name) =>
  function* ({ child }, count) {
    assertSame("weight of the items", yield* stream(child, name, count), expectedWeight(name, count));
  };

/** @type {Readonly<Record<string, Kind>>} */
const MESSAGES = {
  calls: { unit: "calls/s", count: 1_000, work: ({ child }, count) => calls(child, count, add) },
  "64 at once": { unit: "calls/s", count: 6_400, work: ({ child }, count) => callsAtOnce(child, count, CALLERS, add) },
  contexts: { unit: "contexts/s", count: 500, work: ({ child }, count) => dialogs(child, count) },
  cancels: { unit: "contexts/s", count: 250, work: ({ child }, count) => cancels(child, count) },
};

/** @type {Readonly<Record<string, Kind>>} */
const STREAMS = {
  stream: { unit: "items/s", count: 50_000, work: streamOf("object") },
  "64 KiB": { unit: "items/s", count: 1_000, work: streamOf("bytes-64k") },
  "both ways": { unit: "turns/s", count: 1_000, work: ({ child }, count) => pingPong(child, count) },
};

/** @type {Readonly<Record<string, Kind>>} */
const LIVES = {
  actors: { unit: "actors/s", count: 1, work: startAndEnd },
  failures: { unit: "restarts/s", count: 1, work: failAndRestart },
};

const LANES = [MESSAGES, STREAMS, LIVES];

export const KINDS = { ...MESSAGES, ...STREAMS, ...LIVES };

/** @param {Pick<Tree, "actors">} tree */
function* startAndEnd({ actors }) {
  const portal = yield* actors.startActor("short-lived", { enableModules });
  yield* calls(portal, 1, add);
  yield* portal.cancelActor();
}

/** An actor fails, its nursery tells, and another one takes its place. */
function* failAndRestart() {
  try {
    yield* openActorNursery(function* (actors) {
      const portal = yield* actors.startActor("failing", { enableModules });
      yield* portal.run(fails);
    });
    throw new Error("the death of an actor was not told");
  } catch (error) {
    if (!(error instanceof ExceptionGroup)) throw error;
    const death = error.leaves().find((leaf) => leaf instanceof ActorDied);
    assertSame("exit status", death?.exitCode, FAILED);
  }
  yield* openActorNursery((actors) => startAndEnd({ actors }));
}

/**
 * All lanes until the time is up; each ends with what it has begun.
 *
 * @param {Tree} tree
 * @param {number} ms
 * @returns {Operation<Tally>}
 */
export function* trafficFor(tree, ms) {
  const until = performance.now() + ms;
  /** @type {Tally} */
  const tally = {};
  yield* openNursery(function* (nursery) {
    for (const lane of LANES) nursery.startSoon(travel, lane, tree, until, tally);
  });
  return tally;
}

/** @param {Readonly<Record<string, Kind>>} lane @param {Tree} tree @param {number} until @param {Tally} tally */
function* travel(lane, tree, until, tally) {
  do {
    for (const [name, { count, work }] of Object.entries(lane)) {
      const before = performance.now();
      yield* work(tree, count);
      const done = tally[name] ?? { ops: 0, ms: 0 };
      tally[name] = { ops: done.ops + count, ms: done.ms + performance.now() - before };
    }
  } while (performance.now() < until);
}
