/** Children that are TypeScript, and children that have been waiting, from the request to their first result. */
import { fork, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { openActorNursery, remote, run, sleep } from "../../espalier.mjs";
import { assertSame } from "../../peer.mjs";
import { median, timeMs } from "../../scenario.mjs";

/** @import { ChildProcess } from "node:child_process" */
/** @import { ActorNursery, ActorNurseryOptions, ActorOptions } from "../../espalier.mjs" */
/** @import { Measure, Scenario } from "../../scenario.mjs" */

const STARTS = 5;
const QUICK_STARTS = 2;
const WARM = 2;
/** For the supply to be whole again, in milliseconds: it does not tell. Twice what a cold start takes, at a busy time. */
const SUPPLY_MS = 1_000;
/** Named, and not imported: this process has no loader for TypeScript. */
const service = /** @type {typeof import("../../peers/espalier-service.mjs")} */ (remote("service"));
const TSX = ["--import", import.meta.resolve("tsx")];

/** @type {(name: string) => string} */
const peer = (name) => import.meta.resolve(`../../peers/${name}`);

/**
 * A nursery that starts one actor after the other, each ended before the next one is started.
 *
 * @param {ActorOptions} options
 * @param {ActorNurseryOptions} [nursery]
 * @returns {Measure}
 */
function actorsOf(options, nursery = {}) {
  return ({ quick }) => run(() => openActorNursery((actors) => startEach(actors, options, nursery, quick), nursery));
}

/** @param {ActorNursery} actors @param {ActorOptions} options @param {ActorNurseryOptions} nursery @param {boolean} quick */
function* startEach(actors, options, { warm }, quick) {
  /** @type {number[]} */
  const figures = [];
  for (let i = 0; i < (quick ? QUICK_STARTS : STARTS); i++) {
    if (warm !== undefined) yield* sleep(SUPPLY_MS);
    const before = performance.now();
    const portal = yield* actors.startActor(`bench ${i}`, options);
    assertSame("add", yield* portal.run(service.add, { a: i, b: 1 }), i + 1);
    figures.push(performance.now() - before);
    yield* portal.cancelActor();
  }
  return median(figures);
}

/** @param {(i: number) => Promise<number>} once - milliseconds @returns {Measure} */
function medianOf(once) {
  return async ({ quick }) => {
    /** @type {number[]} */
    const figures = [];
    for (let i = 0; i < (quick ? QUICK_STARTS : STARTS); i++) figures.push(await once(i));
    return median(figures);
  };
}

/** @param {ChildProcess} child @param {any} message @returns {Promise<unknown>} */
function ask(child, message) {
  return new Promise((resolve, reject) => {
    child.once("message", resolve).once("error", reject);
    child.send(message);
  });
}

/** @param {ChildProcess} child @returns {Promise<void>} */
function gone(child) {
  return new Promise((resolve, reject) => {
    child.once("exit", () => resolve()).once("error", reject);
  });
}

/** @param {number} i */
async function forkTypescript(i) {
  const before = performance.now();
  const child = fork(fileURLToPath(peer("typescript-child.ts")), { execArgv: TSX });
  assertSame("add", await ask(child, [i, 1]), i + 1);
  const ms = performance.now() - before;
  const ended = gone(child);
  child.disconnect();
  await ended;
  return ms;
}

/** @param {number} i */
async function forkWaiting(i) {
  const child = fork(fileURLToPath(peer("waiting-child.mjs")));
  await new Promise((resolve) => setTimeout(resolve, SUPPLY_MS));
  const ms = await timeMs(async () => {
    assertSame("add", await ask(child, [peer("pool-tasks.mjs"), "add", { a: i, b: 1 }]), i + 1);
  });
  const ended = gone(child);
  child.disconnect();
  await ended;
  return ms;
}

/** @type {Readonly<Record<string, Scenario>>} */
export const scenarios = {
  "spawn-ts": {
    title: "a child in TypeScript under tsx, to its first result",
    unit: "ms",
    limit: "node --import tsx",
    note: "node --import tsx is the start and the exit of a process that does nothing",
    peers: {
      espalier: actorsOf({ enableModules: { service: peer("typescript-service.ts") }, execArgv: TSX }),
      fork: medianOf(forkTypescript),
      "node --import tsx": medianOf(() =>
        timeMs(() =>
          gone(spawn(process.execPath, [...TSX, fileURLToPath(peer("typescript-service.ts"))], { stdio: "ignore" })),
        ),
      ),
    },
  },
  "spawn-warm": {
    title: `a child of a nursery that keeps ${WARM} warm, to its first result`,
    unit: "ms",
    limit: "fork, waiting",
    note: `fork, waiting is a child by hand that imports what it is told; for all the supply is waited for, ${SUPPLY_MS} ms that do not count`,
    peers: {
      espalier: actorsOf({ enableModules: { service: peer("pool-tasks.mjs") } }, { warm: WARM }),
      "fork, waiting": medianOf(forkWaiting),
    },
  },
};
