/**
 * espalier next to what a user would pick instead, in one run on one machine:
 * `npm run bench -- [scenario…] [--peer name]… [--json | --markdown] [--pin] [--quick] [--repeats n] [--soak millions]`.
 * A scenario is a group (`sc`, `stream`, `actor`, `pool`, `bridge`), a full name (`sc/checkpoint`) or how one begins
 * (`sc/spawn`); `--scenario name` says the same. `--list` prints the names of all, with their peers.
 */
import { parseArgs } from "node:util";
import { ensureCompiled } from "./compiled.mjs";
import { ensureInstalled } from "./installed.mjs";
import { describeMachine, describeNoise } from "./machine.mjs";
import { takeSamples } from "./runner.mjs";
import { findScenarios } from "./scenarios.mjs";
import { formatTables, summarise } from "./table.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    scenario: { type: "string", multiple: true, default: [] },
    list: { type: "boolean", default: false },
    peer: { type: "string", multiple: true, default: [] },
    json: { type: "boolean", default: false },
    markdown: { type: "boolean", default: false },
    pin: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    repeats: { type: "string" },
    soak: { type: "string", default: "1" },
  },
});

/** @type {(wanted: readonly string[], known: ReadonlySet<string>) => void} */
function assertKnown(wanted, known) {
  const unknown = wanted.filter((peer) => !known.has(peer));
  if (unknown.length === 0) return;
  throw new RangeError(`these scenarios have no peer called ${unknown.join(", ")}; they have ${[...known].join(", ")}`);
}

/** @type {(name: string, text: string) => number} */
function positive(name, text) {
  const value = Number(text);
  if (!(value > 0)) throw new RangeError(`--${name} must be a number above 0, got ${text}`);
  return value;
}

// Before the scenarios are looked at: some import what is compiled.
await ensureCompiled();
const chosen = await findScenarios([...positionals, ...values.scenario]);
if (values.list) {
  for (const { name, scenario } of chosen) console.log(`${name}: ${Object.keys(scenario.peers).join(", ")}`);
  process.exit();
}
assertKnown(values.peer, new Set(chosen.flatMap(({ scenario }) => Object.keys(scenario.peers))));
ensureInstalled(chosen, values.peer);
const before = describeMachine();
const { results, calibrations } = await takeSamples(chosen, {
  repeats: positive("repeats", values.repeats ?? (values.quick ? "2" : "5")),
  peers: values.peer,
  pin: values.pin,
  sample: { quick: values.quick, soak: positive("soak", values.soak) },
});
const summaries = results.map(summarise);
const machine = { ...before, loadAfter: describeMachine().load, pinned: values.pin };
const noise = describeNoise(calibrations);

if (values.json) {
  console.log(JSON.stringify({ machine, noise, quick: values.quick, scenarios: summaries }, undefined, 2));
} else {
  const cleared = machine.cleared.length > 0 ? `${machine.cleared.join(", ")} cleared for all` : "nothing to clear";
  const facts = [
    `Node ${machine.node} (V8 ${machine.v8}), ${machine.system}, ${machine.cores} × ${machine.cpu}, ${machine.memoryGiB} GiB${machine.pinned ? ", pinned to one core" : ""}`,
    `load ${machine.load[0]} before, ${machine.loadAfter[0]} after; environment: ${cleared}`,
    `noise: a fixed loop took ${noise.calibrationMs.toFixed(1)} ms; slowest against fastest tenth × ${noise.spread.toFixed(2)}, worst × ${noise.worst.toFixed(2)}`,
    `medians of fresh processes (min–max)${values.quick ? "; QUICK: a tenth of the work, not for quoting" : ""}`,
    "ratios are what espalier costs, in time or memory, for each that the other costs: below 1 it is ahead",
  ];
  const table = formatTables(summaries, values.markdown);
  console.log(
    values.markdown
      ? `${table}\n\n${facts.map((fact) => `${fact}.`).join("  \n")}`
      : `\n${table}\n\n${facts.join("\n")}`,
  );
}
if (summaries.some((s) => s.peers.espalier === undefined && s.notMeasured.espalier !== undefined)) process.exitCode = 1;
