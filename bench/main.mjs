/**
 * espalier next to what a user would pick instead, in one run on one machine: `npm run bench -- --help` says how it is
 * told what to measure.
 */
import { ensureCompiled } from "./compiled.mjs";
import { ensureInstalled } from "./installed.mjs";
import { describeMachine, describeNoise } from "./machine.mjs";
import { leave, readOptions } from "./options.mjs";
import { takeSamples } from "./runner.mjs";
import { findScenarios } from "./scenarios.mjs";
import { formatTables, summarise } from "./table.mjs";

const { wanted, peers, list, json, markdown, pin, quick, repeats, soak } = readOptions();

/** @type {(known: ReadonlySet<string>) => void} */
function assertKnown(known) {
  const unknown = peers.filter((peer) => !known.has(peer));
  if (unknown.length === 0) return;
  leave(`these scenarios have no peer called ${unknown.join(", ")}; they have ${[...known].join(", ")}`, 2);
}

// Before the scenarios are looked at: some import what is compiled.
await ensureCompiled();
const chosen = await findScenarios(wanted).catch((error) => {
  if (error instanceof RangeError) return leave(error.message, 2);
  throw error;
});
if (list) {
  for (const { name, scenario } of chosen) console.log(`${name}: ${Object.keys(scenario.peers).join(", ")}`);
  process.exit();
}
assertKnown(new Set(chosen.flatMap(({ scenario }) => Object.keys(scenario.peers))));
ensureInstalled(chosen, peers);
const before = describeMachine();
const { results, calibrations } = await takeSamples(chosen, {
  repeats,
  peers,
  pin,
  sample: { quick, soak },
});
const summaries = results.map(summarise);
const machine = { ...before, loadAfter: describeMachine().load, pinned: pin };
const noise = describeNoise(calibrations);

if (json) {
  console.log(JSON.stringify({ machine, noise, quick: quick, scenarios: summaries }, undefined, 2));
} else {
  const cleared = machine.cleared.length > 0 ? `${machine.cleared.join(", ")} cleared for all` : "nothing to clear";
  const facts = [
    `Node ${machine.node} (V8 ${machine.v8}), ${machine.system}, ${machine.cores} × ${machine.cpu}, ${machine.memoryGiB} GiB${machine.pinned ? ", pinned to one core" : ""}`,
    `load ${machine.load[0]} before, ${machine.loadAfter[0]} after; environment: ${cleared}`,
    `noise: a fixed loop took ${noise.calibrationMs.toFixed(1)} ms; slowest against fastest tenth × ${noise.spread.toFixed(2)}, worst × ${noise.worst.toFixed(2)}`,
    `medians of fresh processes (min–max)${quick ? "; QUICK: a tenth of the work, not for quoting" : ""}`,
    "ratios are what espalier costs, in time or memory, for each that the other costs: below 1 it is ahead",
  ];
  const table = formatTables(summaries, markdown);
  console.log(
    markdown ? `${table}\n\n${facts.map((fact) => `${fact}.`).join("  \n")}` : `\n${table}\n\n${facts.join("\n")}`,
  );
}
if (summaries.some((s) => s.peers.espalier === undefined && s.notMeasured.espalier !== undefined)) process.exitCode = 1;
