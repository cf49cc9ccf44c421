/**
 * What holds for all Promise code of this process, where a call does not say otherwise. A process is one actor, so that
 * is the actor's: what it was started with.
 */
import type { PromiseIgnoredAbort } from "../errors/mod.ts";
import { DEFAULT_GRACE_MS } from "./limits.ts";

const IGNORED_ABORT_CHOICES = ["warn", "error", "kill-actor"] as const;
const LEAK_CHOICES = ["off", "warn", "error"] as const;

/**
 * What to do about code that has not settled `graceMs` after its signal was aborted.
 * - `warn`: a warning names it, and it is waited for
 * - `error`: its `PromiseIgnoredAbort` is raised and it is given up; how it settles is reported, if it ever does
 * - `kill-actor`: as `error`, and the parent ends the process it runs in. In a root, which has no parent, as `error`
 */
export type OnIgnoredAbort = (typeof IGNORED_ABORT_CHOICES)[number];

/**
 * What to do about what code has started and left behind when it settled: timers, sockets, servers, child processes,
 * watchers, threads, and rejections that nobody awaits. Where it is not `off` each is found by `async_hooks`, at a cost
 * for every promise that is made meanwhile.
 */
export type Leaks = (typeof LEAK_CHOICES)[number];

export interface PromisePolicy {
  /** `warn` unless told. */
  readonly onIgnoredAbort?: OnIgnoredAbort | undefined;
  /** Milliseconds to settle in after an abort; `DEFAULT_GRACE_MS` unless told, `Infinity` never complains. */
  readonly graceMs?: number | undefined;
  /** `off` unless told. */
  readonly leaks?: Leaks | undefined;
}

/** What the actor of this process goes by. */
export interface ActorPolicy extends Required<{ [K in keyof PromisePolicy]: NonNullable<PromisePolicy[K]> }> {
  /** Has the parent end this process; undefined where there is none. */
  readonly condemn: ((why: PromiseIgnoredAbort) => void) | undefined;
}

const NO_ACTOR: ActorPolicy = completePolicy({}, undefined);

let policy = NO_ACTOR;

export function currentPolicy(): ActorPolicy {
  return policy;
}

/** Let `next` hold in this process; what is returned ends that. */
export function usePolicy(next: ActorPolicy): () => void {
  policy = next;
  return () => {
    if (policy === next) policy = NO_ACTOR;
  };
}

export function completePolicy(given: PromisePolicy, condemn: ActorPolicy["condemn"]): ActorPolicy {
  const { onIgnoredAbort = "warn", graceMs = DEFAULT_GRACE_MS, leaks = "off" } = given;
  return { onIgnoredAbort, graceMs, leaks, condemn };
}

/**
 * @param where - what the options were given to, for the message
 * @throws RangeError if `graceMs` is negative or NaN
 * @throws TypeError for what is none of the choices
 */
export function checkPolicy(
  where: string,
  { onIgnoredAbort = "warn", graceMs = 0, leaks = "off" }: PromisePolicy,
): void {
  if (!(graceMs >= 0)) throw new RangeError(`${where}: graceMs must be >= 0, got ${graceMs}`);
  mustBeOneOf(`${where}: onIgnoredAbort`, onIgnoredAbort, IGNORED_ABORT_CHOICES);
  mustBeOneOf(`${where}: leaks`, leaks, LEAK_CHOICES);
}

/**
 * The policy that an option of `where` says, and no more than that.
 *
 * @throws TypeError, RangeError as `checkPolicy`
 */
export function policyOf(where: string, given: "quarantine" | PromisePolicy = {}): PromisePolicy {
  if (given === "quarantine") return { onIgnoredAbort: "kill-actor" };
  if (typeof given !== "object" || given === null) {
    throw new TypeError(
      `${where}: promises must be "quarantine" or { onIgnoredAbort, graceMs, leaks }, got ${String(given)}`,
    );
  }
  checkPolicy(`${where}: promises`, given);
  const { onIgnoredAbort, graceMs, leaks } = given;
  return { onIgnoredAbort, graceMs, leaks };
}

export function isOnIgnoredAbort(value: unknown): value is OnIgnoredAbort {
  return IGNORED_ABORT_CHOICES.some((choice) => choice === value);
}

export function isLeaks(value: unknown): value is Leaks {
  return LEAK_CHOICES.some((choice) => choice === value);
}

function mustBeOneOf(what: string, value: string, choices: readonly string[]): void {
  if (!choices.includes(value))
    throw new TypeError(`${what} must be one of ${choices.join(", ")}, got ${String(value)}`);
}
