/**
 * The ladder by which a child is ended: a request, acknowledged; a bounded wait; SIGTERM; SIGKILL; waited for. Every
 * step is an event with its time.
 */
import type { Operation } from "effection";
import { type ActorId, formatActorId } from "../actor-id.ts";
import { ActorTooSlowError, isCancelled } from "../errors/mod.ts";
import type { CancelRequest } from "../rpc/cancel-request.ts";
import { currentTime } from "../sc/sleep.ts";
import { moveOnAfter } from "../sc/timeouts.ts";
import { ACTOR_ACK_TIMEOUT_MS, ACTOR_UNWIND_TIMEOUT_MS, KILL_TIMEOUT_MS, TERM_GRACE_MS } from "./limits.ts";
import type { SpawnedChild } from "./spawn-backend.ts";

export type TeardownStep = "requested" | "acknowledged" | "not acknowledged" | "SIGTERM" | "SIGKILL" | "reaped";

export interface TeardownEvent {
  readonly actor: ActorId;
  readonly step: TeardownStep;
  /** Milliseconds since the teardown began. */
  readonly afterMs: number;
  readonly reason: string;
}

export interface TeardownBounds {
  /** For the acknowledgement, in milliseconds. */
  readonly ackMs?: number | undefined;
  /**
   * From the request to the cancellation, in milliseconds, for tasks that look at `ctx.closing` or `actor.closing`; 0
   * unless told.
   */
  readonly graceMs?: number | undefined;
  /** From the acknowledgement, and the grace, to the exit, in milliseconds. */
  readonly unwindMs?: number | undefined;
  /** From SIGTERM to SIGKILL, in milliseconds. */
  readonly termMs?: number | undefined;
}

export interface Teardown {
  readonly actor: ActorId;
  readonly child: SpawnedChild;
  readonly reason: string;
  readonly bounds: TeardownBounds;
  /** Asks the child to cancel itself; undefined where it does not serve yet. */
  readonly request: (() => CancelRequest) | undefined;
  /** What the request grants. */
  readonly graceMs: number;
  readonly onStep: ((event: TeardownEvent) => void) | undefined;
}

/**
 * End a child and wait until it has gone. To be run in a shield.
 *
 * @throws ActorTooSlowError if it did not acknowledge in time, after it was killed for that
 */
export function* tearDown(teardown: Teardown): Operation<void> {
  const { actor, child, reason, bounds, request, graceMs, onStep } = teardown;
  const began = yield* currentTime();
  function* step(name: TeardownStep): Operation<void> {
    onStep?.({ actor, step: name, afterMs: (yield* currentTime()) - began, reason });
  }
  let tooSlow: ActorTooSlowError | undefined;
  let acknowledged = false;
  if (request !== undefined && !hasGone(child)) {
    yield* step("requested");
    const ackMs = bounds.ackMs ?? ACTOR_ACK_TIMEOUT_MS;
    const acked = yield* moveOnAfter(ackMs, () => request().acknowledged.wait());
    acknowledged = acked !== undefined;
    if (!acknowledged) tooSlow = new ActorTooSlowError(actor, ackMs);
    yield* step(acknowledged ? "acknowledged" : "not acknowledged");
  }
  if (acknowledged) yield* gone(child, graceMs + (bounds.unwindMs ?? ACTOR_UNWIND_TIMEOUT_MS));
  for (const how of ["term", "kill"] as const) {
    if (hasGone(child)) break;
    yield* step(how === "term" ? "SIGTERM" : "SIGKILL");
    child.end(how);
    yield* gone(child, how === "term" ? (bounds.termMs ?? TERM_GRACE_MS) : KILL_TIMEOUT_MS);
  }
  if (!hasGone(child)) {
    throw new ActorTooSlowError(
      actor,
      KILL_TIMEOUT_MS,
      `exit after SIGKILL (pid ${child.pid}, ${formatActorId(actor)})`,
    );
  }
  yield* step("reaped");
  if (tooSlow !== undefined) throw tooSlow;
}

function hasGone(child: SpawnedChild): boolean {
  return child.exited.result !== undefined;
}

function* gone(child: SpawnedChild, withinMs: number): Operation<void> {
  yield* moveOnAfter(withinMs, function* () {
    try {
      yield* child.exited.wait();
    } catch (error) {
      if (isCancelled(error)) throw error;
    }
  });
}
