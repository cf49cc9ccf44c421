/** What it takes to run a child actor, whatever it is made of: a process now, perhaps a thread or a far host later. */
import type { Duplex } from "node:stream";
import type { ActorId } from "../actor-id.ts";
import type { Deferred } from "../sc/deferred.ts";
import type { ChildOutput } from "./child-process-options.ts";

export interface SpawnRequest {
  readonly id: ActorId;
  readonly cwd: string | undefined;
  /** Set in the child beside what this process has; undefined takes a variable away. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Node flags beside the inherited ones. */
  readonly execArgv: readonly string[];
  readonly stdio: Required<ChildOutput>;
}

export interface ExitStatus {
  readonly exitCode: number | null;
  readonly signal: string | null;
}

export interface SpawnedChild {
  readonly pid: number | undefined;
  /** The parent's end of the link. */
  readonly link: Duplex;
  /** Resolves when the child has gone and has been waited for; rejected if it could not be started at all. */
  readonly exited: Deferred<ExitStatus>;
  /** The end of what it wrote to stderr. */
  stderrTail(): string;
  /** `term` asks, `kill` does not. */
  end(how: "term" | "kill"): void;
}

export interface SpawnBackend {
  /** Start a child and return at once; failures come out of `exited`. */
  spawn(request: SpawnRequest): SpawnedChild;
}
