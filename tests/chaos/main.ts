/**
 * Random trees of actors, and what can happen to them: `npm run chaos -- [--seed S]… [--minutes M] [--rounds N]
 * [--actors A] [--depth D] [--verbose]`. Round i of a seed is made from seed + i alone, so `--seed <its seed>
 * --rounds 1` does it again. Without a seed, or with `--seed random`, one is drawn, and printed; several take turns.
 * Ends with a line of figures; exit status 1 at the first round that was not as it should be.
 */
import { randomInt } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect, parseArgs } from "node:util";
import { type FaultKind, makePlan, type Plan, USUAL } from "./plan.ts";
import { type RoundEnd, runRound } from "./round.ts";
import { judge } from "./verdict.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", multiple: true, default: ["random"] },
    minutes: { type: "string" },
    rounds: { type: "string" },
    actors: { type: "string", default: String(USUAL.maxActors) },
    depth: { type: "string", default: String(USUAL.maxDepth) },
    verbose: { type: "boolean", default: false },
  },
});

/** A round takes seconds; this is the time of a coffee. */
const DEFAULT_MINUTES = 1;
const MAX_SEED = 2 ** 31 - 1;

const CUTS: readonly FaultKind[] = ["cut own end", "half-close own end", "cut parent's end", "half-close parent's end"];
const CORRUPTIONS: readonly FaultKind[] = ["garbage up", "garbage down"];
const KILLS: readonly FaultKind[] = ["SIGKILL", "SIGTERM", "SIGINT"];

class Tally {
  rounds = 0;
  processes = 0;
  kills = 0;
  cuts = 0;
  corruptions = 0;
  others = 0;
  survivors = 0;
  hangs = 0;
  slowestMs = 0;
  goneAfterMs = 0;

  add({ entries, survivors, hung, tookMs, goneAfterMs }: RoundEnd): void {
    const faults = entries.filter((entry) => entry.what === "fault");
    const count = (kinds: readonly FaultKind[]) => faults.filter(({ kind }) => kinds.includes(kind)).length;
    this.rounds++;
    this.processes += entries.filter(({ what }) => what === "spawning").length;
    this.kills += count(KILLS);
    this.cuts += count(CUTS);
    this.corruptions += count(CORRUPTIONS);
    this.others += faults.length - count([...KILLS, ...CUTS, ...CORRUPTIONS]);
    this.survivors += survivors.length;
    this.hangs += hung ? 1 : 0;
    this.slowestMs = Math.max(this.slowestMs, tookMs);
    this.goneAfterMs = Math.max(this.goneAfterMs, goneAfterMs);
  }

  toString(): string {
    const { rounds, processes, kills, cuts, corruptions, others, survivors, hangs } = this;
    const times = `slowest round ${Math.round(this.slowestMs)} ms, latest survivor of a root ${Math.round(this.goneAfterMs)} ms`;
    return `chaos: ${rounds} rounds, ${processes} processes, ${kills} kills, ${cuts} cuts, ${corruptions} corruptions, ${others} other faults; ${survivors} survivors, ${hangs} hangs; ${times}`;
  }
}

function whole(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw new RangeError(`--${name} must be a whole number from ${least} to ${most}, got ${text}`);
}

const seeds = values.seed.map((text) => (text === "random" ? randomInt(MAX_SEED) : whole("seed", text, 0, MAX_SEED)));
const limits = { maxActors: whole("actors", values.actors, 2, 40), maxDepth: whole("depth", values.depth, 1, 5) };
const rounds = values.rounds === undefined ? Number.POSITIVE_INFINITY : whole("rounds", values.rounds, 1, MAX_SEED);
const minutes = Number(values.minutes ?? (values.rounds === undefined ? DEFAULT_MINUTES : Number.POSITIVE_INFINITY));
if (!(minutes > 0)) throw new RangeError(`--minutes must be a number above 0, got ${values.minutes}`);

console.log(`chaos: seeds ${seeds.join(", ")}; up to ${limits.maxActors} actors, ${limits.maxDepth} levels deep`);
const temp = mkdtempSync(join(tmpdir(), "chaos-tmp-"));
process.on("exit", () => rmSync(temp, { recursive: true, force: true }));
const tally = new Tally();
const until = performance.now() + minutes * 60_000;
for (let i = 0; i < rounds && performance.now() < until; i++) {
  const first = seeds[i % seeds.length] ?? 0;
  const plan = makePlan((first + Math.floor(i / seeds.length)) % MAX_SEED, limits);
  const end = await runRound(plan, temp);
  tally.add(end);
  const complaints = judge(end);
  if (values.verbose) console.log(describe(plan, end));
  if (complaints.length > 0) {
    console.log(`\nround of seed ${plan.seed} failed:`);
    for (const complaint of complaints) console.log(`- ${complaint}`);
    console.log(`plan: ${JSON.stringify(plan)}`);
    console.log("what happened:");
    const start = end.entries[0]?.at ?? 0;
    for (const { at, ...entry } of end.entries) {
      console.log(`${String(at - start).padStart(6)} ms ${inspect(entry, { depth: null, breakLength: 200 })}`);
    }
    const { maxActors, maxDepth } = limits;
    console.log(`again: npm run chaos -- --seed ${plan.seed} --rounds 1 --actors ${maxActors} --depth ${maxDepth}`);
    process.exitCode = 1;
    break;
  }
}
console.log(String(tally));

function describe(plan: Plan, { entries, tookMs, goneAfterMs, code, signal }: RoundEnd): string {
  const faults = entries.filter((entry) => entry.what === "fault").map(({ kind, target }) => `${kind} of ${target}`);
  const actors = entries.filter(({ what }) => what === "spawning").length;
  return `${plan.seed}: ${actors} actors, ${faults.join(", ") || "no fault"}; ${Math.round(tookMs)} ms, gone after ${Math.round(goneAfterMs)}, ${signal ?? code}`;
}
