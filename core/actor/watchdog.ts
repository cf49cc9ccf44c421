/**
 * The second witness of a parent's death where there is no shell to be the guard: a thread that looks at the parent's pid,
 * and kills its own process. It takes 7 MiB and 15 ms of processor time.
 */
import { Worker } from "node:worker_threads";
import { ORPHAN_GRACE_MS, WATCHDOG_PATIENCE_MS, WATCHDOG_PERIOD_MS } from "./limits.ts";

/** Plain JavaScript, and not a file: no loader, no resolution, the same under every build. */
const WATCH = `
const { workerData: { noticed, parent, periodMs, patienceMs, graceMs } } = require("node:worker_threads");
const look = setInterval(() => {
  if (process.ppid === parent) return;
  clearInterval(look);
  setTimeout(() => {
    const kill = () => process.kill(process.pid, "SIGKILL");
    if (Atomics.load(noticed, 0) === 0) kill();
    else setTimeout(kill, graceMs);
  }, patienceMs);
}, periodMs);
`;

export class Watchdog {
  readonly #noticed = new Int32Array(new SharedArrayBuffer(4));

  /** @param parent - pid of the parent, as it was when this process began */
  start(parent: number): void {
    const worker = new Worker(WATCH, {
      eval: true,
      // Neither the user's loaders nor their preloads have any business in here.
      execArgv: [],
      env: { ...process.env, NODE_OPTIONS: "" },
      name: "espalier watchdog",
      resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1, stackSizeMb: 1 },
      workerData: {
        noticed: this.#noticed,
        parent,
        periodMs: WATCHDOG_PERIOD_MS,
        patienceMs: WATCHDOG_PATIENCE_MS,
        graceMs: ORPHAN_GRACE_MS,
      },
    });
    worker.unref();
  }

  /** The main thread knows that its parent is gone, and is unwinding: leave it its time. */
  noticed(): void {
    Atomics.store(this.#noticed, 0, 1);
  }
}
