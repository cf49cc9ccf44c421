/** The tasks of the pools: exported functions of one argument. */
import { TASKS } from "../peer.mjs";

export const add = TASKS.add.run;
export const spin = TASKS.spin.run;

export function pid() {
  return process.pid;
}
