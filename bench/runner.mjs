/** Takes the samples: every scenario × peer in fresh processes, the peers by turns, so that all see the same noise. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { fairEnvironment } from "./machine.mjs";

/** @import { SampleOptions } from "./scenario.mjs" */
/** @import { Found } from "./scenarios.mjs" */
/** @import { ScenarioResult } from "./table.mjs" */

/**
 * @typedef {object} RunnerOptions
 * @property {number} repeats - samples per scenario and peer
 * @property {readonly string[]} peers - only these; all for none
 * @property {boolean} pin - keep every process, and what it starts, on one core
 * @property {SampleOptions} sample
 */

/** One sample may take this long, in milliseconds; the longest take some seconds, a soak of ten million a minute. */
const SAMPLE_LIMIT_MS = 600_000;

const execute = promisify(execFile);
const sampleScript = fileURLToPath(new URL("./sample.mjs", import.meta.url));

/**
 * @param {readonly Found[]} chosen
 * @param {RunnerOptions} options
 * @returns {Promise<{ results: ScenarioResult[], calibrations: number[] }>}
 */
export async function takeSamples(chosen, options) {
  /** @type {number[]} */
  const calibrations = [];
  /** @type {ScenarioResult[]} */
  const results = [];
  for (const found of chosen) {
    const names = Object.keys(found.scenario.peers);
    const peers = names.filter((peer) => options.peers.length === 0 || options.peers.includes(peer));
    if (peers.length === 0) continue;
    console.error(`bench: ${found.name} (${peers.join(", ")})`);
    /** @type {Record<string, number[]>} */
    const figures = {};
    /** @type {Record<string, string>} */
    const failures = {};
    for (let i = 0; i < Math.min(options.repeats, found.scenario.repeats ?? options.repeats); i++) {
      for (const peer of peers) {
        if (failures[peer] !== undefined) continue;
        try {
          const sample = await takeSample(found, peer, options);
          figures[peer] = [...(figures[peer] ?? []), sample.figure];
          calibrations.push(...sample.calibration);
        } catch (error) {
          // One that fails is not measured at all; the others are.
          console.error(`bench: ${found.name}: ${peer} failed: ${error}`);
          failures[peer] = `failed: ${summaryOf(error)}`;
          delete figures[peer];
        }
      }
    }
    results.push({ found, figures, failures });
  }
  return { results, calibrations };
}

/**
 * @param {Found} found
 * @param {string} peer
 * @param {RunnerOptions} options
 * @returns {Promise<{ figure: number, calibration: number[] }>}
 */
async function takeSample({ file, id }, peer, { pin, sample }) {
  const command = [process.execPath, sampleScript, file, id, peer, JSON.stringify(sample)];
  const [program = "", ...args] = pin ? ["taskset", "-c", firstCore(), ...command] : command;
  const { stdout } = await execute(program, args, { env: fairEnvironment(), timeout: SAMPLE_LIMIT_MS });
  return JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");
}

/** The first core that this process may run on. What a pinned process starts inherits that. @throws Error without Linux */
function firstCore() {
  const found = /^Cpus_allowed_list:\s+(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"));
  if (found?.[1] === undefined) throw new Error("--pin needs Linux and its taskset");
  return found[1];
}

/** What a sample that failed has said last of its error, in one line. @param {unknown} error */
function summaryOf(error) {
  const text = error instanceof Error && "stderr" in error && error.stderr ? String(error.stderr) : String(error);
  const lines = text.split("\n").map((line) => line.trim());
  return lines.find((line) => /^[A-Za-z]*Error\b/.test(line)) ?? lines[0] ?? "for no reason that it gave";
}
