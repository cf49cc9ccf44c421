/**
 * Rejections that nobody awaits, made by Promise code that was called from a task. Node ends the process for one; an actor
 * reports it and lives on, for what else it does has no part in it. In a root the process is the user's: there only what
 * a watched task has left is reported, and all else is as Node has it.
 */
import { reportWarning } from "../warnings.ts";

/** Takes a rejection that its task has left; says whether it was one of its. */
export type Claim = (promise: Promise<unknown>, error: unknown) => boolean;

let claim: Claim = () => false;
let isActor = false;
let isHearing = false;

/** Whether this process is an actor that somebody else has started; then no rejection ends it. */
export function surviveRejections(): void {
  isActor = true;
}

/** To be called before Promise code is: from then on what it leaves is heard of. */
export function hearRejections(by?: Claim): void {
  if (by !== undefined) claim = by;
  if (isHearing || (by === undefined && !isActor)) return;
  isHearing = true;
  process.on("unhandledRejection", heard);
}

function heard(error: unknown, promise: Promise<unknown>): void {
  if (claim(promise, error)) return;
  if (isActor) return reportRejection(undefined, error);
  // As if this listener were not there.
  if (process.listenerCount("unhandledRejection") === 1) throw error;
}

/** @param made - lines of a stack: where the promise was made, if that is known */
export function reportRejection(taskName: string | undefined, error: unknown, made?: string): void {
  const who = taskName === undefined ? "Promise code in this actor" : `promise task "${taskName}"`;
  const where = made === undefined ? "" : `\nits promise was made\n${made}`;
  reportWarning({
    type: "UnawaitedRejection",
    message: `${who} has left a rejection that nobody awaits: ${String(error)}; await the promise, or give it a catch${where}`,
    ...(error instanceof Error ? { error } : {}),
  });
}
