/** Who is measured next to espalier across processes, what each can do, and what it needs installed. */

/** @import { Fleet, OpenFleet } from "./peer.mjs" */
/** @import { Measure } from "./scenario.mjs" */

/**
 * @typedef {object} Peer
 * @property {string} file - in `peers/`
 * @property {string} variant - given to its `open`
 * @property {readonly (keyof Fleet)[]} can - beside being started and closed
 * @property {boolean} installs - whether it needs `bench/node_modules`
 */

const CALLS = /** @type {const} */ (["calls", "callsAtOnce"]);
const ALL = /** @type {const} */ (["stream", "pingPong", ...CALLS, "dialogs"]);
/** What a fleet can that makes its own messages. */
const MESSAGES = /** @type {const} */ ([...ALL, "cancels", "callsOfAll", "tasks"]);
const FORK = /** @type {const} */ ([...MESSAGES, "observe", "pids", "fail"]);

/** @type {Readonly<Record<string, Peer>>} */
export const PEERS = {
  espalier: { file: "espalier", variant: "", can: [...MESSAGES, "idle", "pids", "fail"], installs: false },
  "espalier-ahead": { file: "espalier", variant: "ahead", can: ["tasks"], installs: false },
  "espalier-observables": { file: "espalier-observables", variant: "", can: ["observe"], installs: false },
  "espalier-promises": { file: "espalier", variant: "promises", can: CALLS, installs: false },
  socket: { file: "socket", variant: "items", can: [...MESSAGES, "idle", "pids"], installs: false },
  "socket-chunks": { file: "socket", variant: "chunks", can: ["stream"], installs: false },
  "fork-json": { file: "fork", variant: "json", can: FORK, installs: false },
  "fork-advanced": { file: "fork", variant: "advanced", can: FORK, installs: false },
  worker: { file: "worker", variant: "", can: MESSAGES, installs: false },
  effect: {
    file: "effect",
    variant: "",
    can: ["stream", ...CALLS, "dialogs", "idle", "cancels", "pids"],
    installs: true,
  },
  grpc: { file: "grpc", variant: "", can: [...ALL, "idle", "pids"], installs: true },
  zeromq: { file: "zeromq", variant: "", can: [...ALL, "pids"], installs: true },
  moleculer: { file: "moleculer", variant: "", can: [...CALLS, "pids"], installs: true },
  tinypool: { file: "tinypool", variant: "", can: [...CALLS, "tasks", "pids"], installs: true },
  "tinypool-ahead": { file: "tinypool", variant: "ahead", can: ["tasks"], installs: true },
  "tinypool-threads": { file: "tinypool", variant: "threads", can: ["tasks"], installs: true },
  poolifier: { file: "poolifier", variant: "", can: [...CALLS, "tasks", "pids"], installs: true },
  "poolifier-threads": { file: "poolifier", variant: "threads", can: ["tasks"], installs: true },
  workerpool: { file: "workerpool", variant: "", can: [...CALLS, "tasks", "pids"], installs: true },
  "workerpool-threads": { file: "workerpool", variant: "threads", can: ["tasks"], installs: true },
  comlink: { file: "comlink", variant: "", can: CALLS, installs: true },
  threads: { file: "threads", variant: "", can: [...CALLS, "observe"], installs: true },
  piscina: { file: "piscina", variant: "", can: [...CALLS, "tasks"], installs: true },
  "piscina-ahead": { file: "piscina", variant: "ahead", can: ["tasks"], installs: true },
};

/** Those that give out work as they see fit: one cannot have a result from each of their children. */
export const POOLS = ["tinypool", "poolifier", "workerpool", "piscina"];

/** Those that differ from others in how they are given tasks; their children start, serve and end as those do. */
export const FOR_TASKS = Object.keys(PEERS).filter((name) => PEERS[name]?.can.join() === "tasks");

/** Those that are the same work by hand, with nothing of what the others guarantee. */
export const BY_HAND = ["socket", "socket-chunks", "node -e 0"];

/**
 * A measure for every peer that can do what is measured.
 *
 * @param {readonly (keyof Fleet)[]} needs
 * @param {(open: (count: number) => Promise<Required<Fleet>>, options: Parameters<Measure>[0]) => Promise<number>} measure
 * @param {readonly string[]} [except] - peers for whom it makes no sense
 * @returns {Record<string, Measure>}
 */
export function measureEach(needs, measure, except = []) {
  const able = Object.entries(PEERS).filter(
    ([name, { can }]) => !except.includes(name) && needs.every((need) => can.includes(need)),
  );
  return Object.fromEntries(
    able.map(([name, { file, variant }]) => [
      name,
      async (options) => {
        // What a peer costs its parent to import is not what is measured.
        /** @type {{ open: OpenFleet }} */
        const { open } = await import(new URL(`./peers/${file}.mjs`, import.meta.url).href);
        /** @type {Set<Fleet>} */
        const standing = new Set();
        const figure = await measure(async (count) => {
          const fleet = await open(count, variant);
          standing.add(fleet);
          /** @param {(() => Promise<void>) | undefined} end */
          const ending = (end) => () => {
            standing.delete(fleet);
            return end?.();
          };
          return /** @type {Required<Fleet>} */ ({ ...fleet, close: ending(fleet.close), fail: ending(fleet.fail) });
        }, options);
        for (const fleet of standing) await fleet.close();
        return figure;
      },
    ]),
  );
}
