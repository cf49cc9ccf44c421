/** What happened in a round, as lines of JSON in one file to which all its processes append. */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import type { FaultKind, Stage } from "./plan.ts";

/** An error as its observer saw it, without what groups and relays wrap around it. */
export interface SeenError {
  /** Name of its class; of what the remote side threw, where it came from there. */
  readonly type: string;
  /** The actor that it names: that died, was too slow, cancelled, or threw it; undefined if it names none. */
  readonly actor?: string | undefined;
  readonly message: string;
}

export type Entry =
  /** The life of an actor. */
  | { readonly what: Stage; readonly name: string; readonly pid: number; readonly at: number }
  /** A fault has been done; not one that came too late. */
  | { readonly what: "fault"; readonly kind: FaultKind; readonly target: string; readonly at: number }
  /** How the nursery of an actor was left. */
  | {
      readonly what: "outcome";
      readonly name: string;
      readonly cancelled: boolean;
      readonly errors: readonly SeenError[];
      readonly at: number;
    };

type WithoutTime<E> = E extends Entry ? Omit<E, "at"> : never;

export class RoundLog {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  add(entry: WithoutTime<Entry>): void {
    // One write of a line to a file opened for appending: lines of several processes do not mix.
    appendFileSync(this.path, `${JSON.stringify({ ...entry, at: Date.now() })}\n`);
  }

  read(): Entry[] {
    if (!existsSync(this.path)) return [];
    const lines = readFileSync(this.path, "utf8").split("\n").slice(0, -1);
    return lines.map((line): Entry => JSON.parse(line));
  }
}
