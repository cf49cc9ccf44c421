/**
 * Mixed traffic on one tree for as long as one likes, to see whether it gets slower, or larger:
 * `node bench/soak.mjs [--minutes 60] [--json]`. A line for each minute; at the end the last tenth next to the first,
 * the first minute left out. Exit status 1 if a kind of traffic fell below 0.85 of what it was, and that beside what the
 * machine does with other processes by then, or if the heap of this process, or of the child that lives as long, grew by
 * more than 10 % and 3 MiB.
 */
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { until } from "effection";
import { ensureCompiled } from "./compiled.mjs";
import { calibrate, describeMachine } from "./machine.mjs";
import { heapBytes } from "./scenario.mjs";
import { judge } from "./soak-verdict.mjs";

/** @import { Operation } from "effection" */
/** @import { Tree } from "./soak-traffic.mjs" */
/** @import { Sample } from "./soak-verdict.mjs" */

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "60" }, json: { type: "boolean", default: false } },
});

const MINUTE_MS = 60_000;
const MIB = 1_024 * 1_024;
const LEAST_MINUTES = 2;
const minutes = Number(values.minutes);
if (!(minutes >= LEAST_MINUTES))
  throw new RangeError(`--minutes must be ${LEAST_MINUTES} or more, got ${values.minutes}`);
/** From one look to the next: a minute, or less if there would not be ten of them. */
const periodMs = Math.min(MINUTE_MS, ((minutes - 1) * MINUTE_MS) / 10);

await ensureCompiled();
const { openActorNursery, openRootActor, run } = await import("./espalier.mjs");
const { enableModules, KINDS, trafficFor } = await import("./soak-traffic.mjs");
const { cpuSeconds, heap } = await import("./soak-service.mjs");

const machine = describeMachine();
const began = performance.now();
/** @type {(text: string) => void} */
const say = values.json ? console.error : console.log;

const execFileLater = promisify(execFile);

/** Calls a second that two other processes do by hand, while nothing else goes on. @returns {Operation<number>} */
function* byHandNow() {
  const { stdout } = yield* until(
    execFileLater(process.execPath, [fileURLToPath(import.meta.resolve("./reference.mjs"))]),
  );
  return Number(stdout);
}

/** What this process and the child have had of the cores, in seconds. @param {Tree} tree @returns {Operation<number>} */
function* cpuOf({ child }) {
  return (yield* cpuSeconds()) + (yield* child.run(cpuSeconds));
}

/** One period of traffic, and how all stands when it has ended. @param {Tree} tree @returns {Operation<Sample>} */
function* period(tree) {
  const { child } = tree;
  const start = performance.now();
  const isWarm = start - began >= MINUTE_MS;
  const cpuBefore = yield* cpuOf(tree);
  const tally = yield* trafficFor(tree, periodMs);
  const cores = (((yield* cpuOf(tree)) - cpuBefore) * 1_000) / (performance.now() - start);
  const { rssBytes } = yield* child.vitals();
  return {
    minute: (performance.now() - began) / MINUTE_MS,
    isWarm,
    tally,
    heap: heapBytes(),
    childHeap: yield* child.run(heap),
    rss: process.memoryUsage.rss(),
    childRss: rssBytes,
    descriptors: readdirSync("/proc/self/fd").length,
    handles: process.getActiveResourcesInfo().length,
    cores,
    loopMs: calibrate(),
    byHand: yield* byHandNow(),
  };
}

/** @returns {Operation<Sample[]>} */
function* soak() {
  /** @type {Sample[]} */
  const samples = [];
  yield* openActorNursery(function* (actors) {
    const child = yield* actors.startActor("long-lived", { enableModules });
    const tree = { actors, child };
    while (performance.now() - began < minutes * MINUTE_MS) {
      const sample = yield* period(tree);
      samples.push(sample);
      say(lineOf(sample));
    }
    yield* child.cancelActor();
  });
  return samples;
}

const COLUMNS = [
  "minute",
  ...Object.keys(KINDS),
  "heap",
  "child's",
  "rss",
  "child's",
  "fds",
  "handles",
  "cores",
  "loop ms",
  "by hand",
];

/** @param {readonly (string | number)[]} cells */
function row(cells) {
  return cells.map((cell, i) => String(cell).padStart(Math.max(8, COLUMNS[i]?.length ?? 0))).join(" ");
}

/** @param {Sample} sample */
function lineOf(sample) {
  const { minute, isWarm, tally, heap, childHeap, rss, childRss, descriptors, handles, cores, loopMs, byHand } = sample;
  const rates = Object.keys(KINDS).map((kind) => perSecond(tally[kind]));
  const memory = [heap, childHeap, rss, childRss].map((bytes) => (bytes / MIB).toFixed(1));
  return `${row([minute.toFixed(1), ...rates, ...memory, descriptors, handles, cores.toFixed(2), loopMs.toFixed(1), byHand])}${isWarm ? "" : "  warming up"}`;
}

/** @param {{ ops: number, ms: number } | undefined} done */
function perSecond(done) {
  return brief(done === undefined ? 0 : (done.ops * 1_000) / done.ms);
}

/** @param {number} value */
function brief(value) {
  return value >= 100 ? Math.round(value) : value.toFixed(1);
}

say(`${periodMs / 1_000} s a line; operations a second of each kind, while the others go on; memory in MiB`);
say(row(COLUMNS));
// Failures are part of the traffic, and each is logged.
const samples = await run(() => openRootActor(soak, { logTo: () => {} }));
const verdict = judge(samples);

if (values.json) {
  console.log(JSON.stringify({ machine, minutes, samples, verdict }, undefined, 2));
} else {
  const { throughput, faults, ...sizes } = verdict;
  console.log("\nthe last tenth, as a share of the first");
  for (const [name, { was, is, share }] of Object.entries({ ...throughput, ...sizes })) {
    console.log(`${name.padEnd(12)} ${share.toFixed(2)}  ${brief(was)} -> ${brief(is)} ${KINDS[name]?.unit ?? ""}`);
  }
  console.log(faults.length === 0 ? "as it was" : faults.join("\n"));
}
if (verdict.faults.length > 0) process.exitCode = 1;
