/**
 * Modules of Node that only some actors use, loaded when they first do: each takes the start of a process a millisecond
 * or two.
 */
import { createRequire } from "node:module";

let load: NodeJS.Require | undefined;

function required(name: string): unknown {
  load ??= createRequire(import.meta.url);
  return load(name);
}

export function childProcesses(): typeof import("node:child_process") {
  return required("node:child_process") as typeof import("node:child_process");
}

export function workerThreads(): typeof import("node:worker_threads") {
  return required("node:worker_threads") as typeof import("node:worker_threads");
}
