/** How an actor does, as it says itself when it is asked. */
import { ProtocolError } from "../errors/mod.ts";

/** The name under which the runtime is asked for it. */
export const VITALS = "_vitals";

export interface Vitals {
  /** Since its process was started, in milliseconds. */
  readonly uptimeMs: number;
  /** What it is serving now, the question not counted. */
  readonly dialogs: number;
  /** Memory of its process that is resident, in bytes. */
  readonly rssBytes: number;
  /** Of that, what JavaScript uses of its heap. */
  readonly heapUsedBytes: number;
}

export function vitalsNow(dialogs: number): Vitals {
  const { rss, heapUsed } = process.memoryUsage();
  return { uptimeMs: Math.round(process.uptime() * 1_000), dialogs, rssBytes: rss, heapUsedBytes: heapUsed };
}

/** @throws ProtocolError naming the field that is not a number */
export function readVitals(value: unknown): Vitals {
  const given: { readonly [K in keyof Vitals]?: unknown } = typeof value === "object" && value !== null ? value : {};
  const number = (field: keyof Vitals): number => {
    const found = given[field];
    if (typeof found === "number") return found;
    throw new ProtocolError(`received vitals of which ${field} is no number`);
  };
  return {
    uptimeMs: number("uptimeMs"),
    dialogs: number("dialogs"),
    rssBytes: number("rssBytes"),
    heapUsedBytes: number("heapUsedBytes"),
  };
}
