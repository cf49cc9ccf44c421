/** Blocks on the asking side that live and die with the task that was asked for. */
import type { Operation } from "effection";
import { isCancelled, TransportClosed } from "../errors/mod.ts";
import { ExceptionGroup } from "../exception-group.ts";
import { CancelScope } from "../sc/cancel-scope.ts";
import type { Call } from "./call.ts";
import { PeerContext } from "./context.ts";
import type { Dialog, Slot } from "./endpoint.ts";
import type { MessageStream } from "./message-stream.ts";
import type { StreamOptions } from "./stream-options.ts";

/** Run `body` linked to the remote task of `call`. See `Portal.openContext`. */
export function* runLinked<D extends Dialog, R, T>(
  call: Call,
  body: (ctx: PeerContext<D, R>, first: Slot<D, "started">) => Operation<T>,
): Operation<T> {
  const first = yield* call.firstValue();
  const scope = new CancelScope();
  // A failure over there ends the block here; a cancel that this side asked for is for the block to see.
  call.onFailure = (error) => {
    if (!call.isOwnCancel(error)) scope.cancelWith("peer", `${call.label} failed: ${error.message}`, error);
  };
  const early = call.outcome.result;
  if (early !== undefined && !early.ok) call.onFailure(early.error);
  let value: T | undefined;
  try {
    value = yield* scope.run(() => body(new PeerContext(call), first as Slot<D, "started">));
  } catch (error) {
    yield* leaveByError(call, error);
    return undefined as T;
  }
  call.stream?.close();
  try {
    yield* call.result();
  } catch (error) {
    if (!call.isOwnCancel(error)) throw error;
  }
  return value as T;
}

/** The block threw: the remote task must not outlive it, and neither error may hide the other. */
function* leaveByError(call: Call, error: unknown, onMissedFailure?: (error: Error) => void): Operation<void> {
  const isEndOfStream = call.stream?.isEnd(error) ?? false;
  call.stream?.close();
  const before = call.outcome.result;
  if (before !== undefined && !before.ok && before.error === error) {
    yield* call.ownDeadline(error);
    if (call.isOwnCancel(error)) return;
    throw error;
  }
  const reason = isCancelled(error) ? error.reason : `the block of the context failed: ${String(error)}`;
  const ended = yield* call.endByCancel(reason);
  if (ended.ok || call.isOwnCancel(ended.error)) throw error;
  if (isCancelled(error) && call.hasFailedUnasked && onMissedFailure !== undefined) {
    onMissedFailure(ended.error);
    throw error;
  }
  if (isCancelled(error)) throw ended.error instanceof TransportClosed ? error : ended.error;
  // A task that fails leaves its stream first; that the stream has ended is no second failure.
  if (isEndOfStream) throw ended.error;
  throw new ExceptionGroup(`${call.label}: both sides of the context failed`, [error, ended.error]);
}

/** How a producer is consumed. */
export interface ConsumeOptions extends Pick<StreamOptions, "capacity" | "capacityBytes" | "overflow"> {
  /**
   * Called with what the source has failed with by itself where the block was left before it received that; it is thrown
   * unless this is given. What its clean-up fails with is thrown in any case.
   */
  readonly onMissedFailure?: (error: Error) => void;
}

/**
 * Run `body` with the items of a producer. See `Portal.openStreamFrom`. Unlike in a context the producer's failure does
 * not cut the body short: its items come first, then its error, in the order in which they happened.
 */
export function* consume<In, T>(
  call: Call,
  stream: MessageStream<never, In>,
  body: (stream: MessageStream<never, In>) => Operation<T>,
  { onMissedFailure, ...options }: ConsumeOptions,
): Operation<T> {
  let value: T;
  try {
    stream.open(options, "receive");
    value = yield* body(stream);
  } catch (error) {
    yield* leaveByError(call, error, onMissedFailure);
    return undefined as T;
  }
  stream.close();
  try {
    if (call.isEnding) yield* call.result();
    else {
      // What it might still give is for nobody.
      const ended = yield* call.endByCancel("its consumer has left");
      if (!ended.ok) throw ended.error;
    }
  } catch (error) {
    if (call.hasFailedUnasked && onMissedFailure !== undefined) onMissedFailure(error as Error);
    else if (!call.isOwnCancel(error)) throw error;
  }
  return value;
}
