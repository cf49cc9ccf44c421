/**
 * A context: two tasks in two actors, linked so that they live and die as one. `Context` is the half of the task that
 * was asked to run, `PeerContext` the half of the one that asked.
 */
import type { Operation, Result } from "effection";
import type { ActorId } from "../actor-id.ts";
import { isCancelled, TransportClosed } from "../errors.ts";
import { ExceptionGroup } from "../exception-group.ts";
import { CancelScope } from "../sc/cancel-scope.ts";
import { cancelShieldedCheckpoint } from "../sc/sleep.ts";
import type { Call } from "./call.ts";
import type { Dialog, Slot } from "./endpoint.ts";
import { MessageStream } from "./message-stream.ts";
import { type Parse, parserOf, type Specs } from "./schema.ts";
import type { Served } from "./served.ts";
import type { StreamOptions } from "./stream-options.ts";

/** The half of a context that its endpoint function is given. */
export class Context<D extends Dialog = Dialog> {
  readonly #served: Served;
  readonly #stream: MessageStream<unknown, unknown>;
  readonly #checkFirst: Parse | undefined;
  #started = false;

  /** @internal */
  constructor(served: Served, specs: Specs | undefined) {
    const { channel, cid, label } = served;
    this.#served = served;
    this.#checkFirst = parserOf(specs, "started", label);
    const check = specs?.check === "all" ? parserOf(specs, "send", label) : undefined;
    this.#stream = new MessageStream(channel, cid, label, check, parserOf(specs, "receive", label));
  }

  /** The actor that opened this context. */
  get caller(): ActorId {
    return this.#served.caller;
  }

  /** Whether the caller, or someone on its behalf, has cancelled this side. */
  get cancelCalled(): boolean {
    return this.#served.scope.cancelCalled;
  }

  /**
   * Give the caller its first value; only now its block runs. Call it exactly once, before the stream is opened.
   *
   * @throws Error if it was called before
   * @throws MsgTypeError if the value cannot be encoded, or is not what the schema allows
   */
  *started(...value: Slot<D, "started"> extends undefined ? [] : [value: Slot<D, "started">]): Operation<void> {
    if (this.#started) throw new Error(`${this.#served.label}: started() was called twice`);
    this.#checkFirst?.(value[0]);
    this.#served.channel.send({ msg_type: "Started", cid: this.#served.cid, pld: value[0] });
    this.#started = true;
    yield* cancelShieldedCheckpoint();
  }

  /**
   * Run `body` with this side's half of the stream; leaving it tells the caller that this side is done. That the caller
   * has left its half is a clean end, also for a body that was about to send: it is left, with undefined.
   *
   * @throws Error if `started` has not been called; ClosedResourceError if the stream was open before
   */
  *openStream<T>(
    body: (stream: MessageStream<Slot<D, "send">, Slot<D, "receive">>) => Operation<T>,
    options: StreamOptions = {},
  ): Operation<T> {
    if (!this.#started) throw new Error(`${this.#served.label}: call started() before the stream is opened`);
    return yield* withStream(this.#stream as MessageStream<Slot<D, "send">, Slot<D, "receive">>, body, options);
  }

  /** @internal */
  get wasStarted(): boolean {
    return this.#started;
  }

  /** @internal */
  get stream(): MessageStream<unknown, unknown> {
    return this.#stream;
  }
}

/** The half of a context that its opener is given. */
export class PeerContext<D extends Dialog = Dialog, R = unknown> {
  readonly #call: Call;

  /** @internal */
  constructor(call: Call) {
    this.#call = call;
  }

  /** Whether this side has asked for the remote task to be cancelled. */
  get cancelCalled(): boolean {
    return this.#call.cancelCalled;
  }

  /** Whether the remote side has acknowledged that. */
  get cancelAcked(): boolean {
    return this.#call.cancelAcked;
  }

  /** How the remote task came out, once it has. */
  get outcome(): Result<R> | undefined {
    return this.#call.outcome.result as Result<R> | undefined;
  }

  /**
   * Run `body` with this side's half of the stream; see `Context.openStream`.
   *
   * @throws ClosedResourceError if the stream was open before
   */
  *openStream<T>(
    body: (stream: MessageStream<Slot<D, "receive">, Slot<D, "send">>) => Operation<T>,
    options: StreamOptions = {},
  ): Operation<T> {
    return yield* withStream(this.#call.stream as MessageStream<Slot<D, "receive">, Slot<D, "send">>, body, options);
  }

  /**
   * Wait for what the remote task returns; may be asked again.
   *
   * @throws RemoteActorError with what it threw
   * @throws ContextCancelled if it was cancelled; one that this side asked for is absorbed where the block is left
   */
  *waitForResult(): Operation<R> {
    return (yield* this.#call.outcome.wait()) as R;
  }

  /**
   * Cancel the remote task, and wait until its actor has acknowledged that. The block goes on; leaving it waits until
   * the task has unwound.
   *
   * @param timeoutMs - time for the acknowledgement, in milliseconds; `CANCEL_ACK_TIMEOUT_MS` unless told
   * @throws ActorTooSlowError if it does not come
   */
  *cancel(reason = "ctx.cancel() was called", timeoutMs?: number): Operation<void> {
    if (this.#call.outcome.result !== undefined) return;
    yield* this.#call.cancel(reason, timeoutMs);
  }
}

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
function* leaveByError(call: Call, error: unknown): Operation<void> {
  const isEndOfStream = call.stream?.isEnd(error) ?? false;
  call.stream?.close();
  const before = call.outcome.result;
  if (before !== undefined && !before.ok && before.error === error) {
    if (call.isOwnCancel(error)) return;
    throw error;
  }
  const reason = isCancelled(error) ? error.reason : `the block of the context failed: ${String(error)}`;
  const ended = yield* call.endByCancel(reason);
  if (ended.ok || call.isOwnCancel(ended.error)) throw error;
  if (isCancelled(error)) throw ended.error instanceof TransportClosed ? error : ended.error;
  // A task that fails leaves its stream first; that the stream has ended is no second failure.
  if (isEndOfStream) throw ended.error;
  throw new ExceptionGroup(`${call.label}: both sides of the context failed`, [error, ended.error]);
}

function* withStream<Out, In, T>(
  stream: MessageStream<Out, In>,
  body: (stream: MessageStream<Out, In>) => Operation<T>,
  options: StreamOptions,
): Operation<T> {
  stream.open(options);
  try {
    const value = yield* body(stream);
    yield* stream.drained();
    return value;
  } catch (error) {
    const rest = stream.withoutPeerGone(error);
    if (rest !== undefined) throw rest.error;
    return undefined as T;
  } finally {
    stream.close();
  }
}
