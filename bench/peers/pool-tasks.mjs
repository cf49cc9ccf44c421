/** The tasks of tinypool and piscina: exported functions of one argument. */
import { add as sum } from "../peer.mjs";

/** @param {{ a: number, b: number }} args */
export default function add({ a, b }) {
  return sum(a, b);
}

export function pid() {
  return process.pid;
}
