/** What the figures were measured on, and how far they can be trusted. */
import { cpus, loadavg, release, totalmem, type } from "node:os";
import { spin } from "./peer.mjs";
import { median } from "./scenario.mjs";

/** Variables that slow a Node process down, or change how it runs: taken from every process that is measured. */
const CLEARED = ["NODE_EXTRA_CA_CERTS", "NODE_OPTIONS", "NODE_DEBUG", "NODE_V8_COVERAGE"];

/** The environment for everybody. */
export function fairEnvironment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !CLEARED.includes(name)));
}

export function describeMachine() {
  const cores = cpus();
  return {
    node: process.version,
    v8: process.versions.v8,
    system: `${type()} ${release()} ${process.arch}`,
    cpu: cores[0]?.model.trim() ?? "unknown",
    cores: cores.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    load: loadavg().map((l) => Number(l.toFixed(2))),
    cleared: CLEARED.filter((name) => process.env[name] !== undefined),
  };
}

/** How long a fixed piece of arithmetic takes, in milliseconds; it is the same for all, so what differs is noise. */
export function calibrate() {
  spin(CALIBRATION_TURNS / 10);
  const start = performance.now();
  if (spin(CALIBRATION_TURNS) === 0) throw new Error("xorshift never gives zero");
  return performance.now() - start;
}

const CALIBRATION_TURNS = 5_000_000;

/** @param {readonly number[]} calibrations - in milliseconds */
export function describeNoise(calibrations) {
  const middle = median(calibrations);
  const sorted = [...calibrations].sort((a, b) => a - b);
  /** @type {(share: number) => number} */
  const at = (share) => sorted[Math.round(share * (sorted.length - 1))] ?? middle;
  return {
    calibrationMs: middle,
    /** Slowest against fastest tenth: 1.00 on a quiet machine. */
    spread: at(0.9) / at(0.1),
    worst: at(1) / at(0),
  };
}
