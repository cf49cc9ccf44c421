/**
 * A context: two tasks in two actors, linked so that they live and die as one. `Context` is the half of the task that
 * was asked to run, `PeerContext` the half of the one that asked.
 */
import { inspect } from "node:util";
import type { Operation, Result } from "effection";
import type { ActorId } from "../actor-id.ts";
import { ContextCancelled, TransportClosed } from "../errors/mod.ts";
import type { Event } from "../sc/event.ts";
import { cancelShieldedCheckpoint } from "../sc/sleep.ts";
import type { Call } from "./call.ts";
import type { Dialog, Slot } from "./endpoint.ts";
import type { MessageStream } from "./message-stream.ts";
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
  constructor(served: Served, stream: MessageStream<unknown, unknown>, specs: Specs | undefined) {
    this.#served = served;
    this.#stream = stream;
    this.#checkFirst = parserOf(specs, "started", served.label);
  }

  /** The actor that opened this context. */
  get caller(): ActorId {
    return this.#served.caller;
  }

  /** Whether this side has been cancelled: by its caller, by a third actor, or with its whole actor. */
  get cancelCalled(): boolean {
    return this.#served.cancelCalled;
  }

  /**
   * Set when this side is asked to end, alone or with its actor, and has some time before it is cancelled: to finish what
   * is in hand, and return. Looking at it is what asks for that time; the canceller bounds it, by 0 unless it says so.
   */
  get closing(): Event {
    return this.#served.closing;
  }

  /** The actor that has cancelled this side, where one has. */
  get canceller(): ActorId | undefined {
    return this.#served.canceller;
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
    this.#served.say({ msg_type: "Started", cid: this.#served.cid, pld: value[0] });
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
    return yield* (this.#stream as MessageStream<Slot<D, "send">, Slot<D, "receive">>).use(body, options);
  }

  /** @internal */
  get wasStarted(): boolean {
    return this.#started;
  }
}

export interface CancelOptions {
  /** Time for the acknowledgement, in milliseconds; `CANCEL_ACK_TIMEOUT_MS` unless told. */
  readonly timeoutMs?: number;
  /**
   * Time for a task that looks at its `ctx.closing` to end by itself, in milliseconds, before it is cancelled; 0 unless
   * told. A task that does not is cancelled at once.
   */
  readonly graceMs?: number;
}

/**
 * - `running`: it has given its first value
 * - `cancelling`: this side has asked for its cancellation; `unwinding`: that was acknowledged
 * - `returned`, `failed`, `cancelled`, `disconnected`: how it ended
 */
export type ContextState =
  | "running"
  | "cancelling"
  | "unwinding"
  | "returned"
  | "failed"
  | "cancelled"
  | "disconnected";

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

  /** The actor that had the remote task cancelled, once that has ended it. */
  get canceller(): ActorId | undefined {
    return this.#call.canceller;
  }

  /** Where the remote task stands, as far as this side has heard. */
  get state(): ContextState {
    const { outcome, cancelCalled, cancelAcked } = this.#call;
    if (outcome.result === undefined) return !cancelCalled ? "running" : cancelAcked ? "unwinding" : "cancelling";
    if (outcome.result.ok) return "returned";
    const { error } = outcome.result;
    return error instanceof ContextCancelled
      ? "cancelled"
      : error instanceof TransportClosed
        ? "disconnected"
        : "failed";
  }

  /** What the remote task ended with, where that was no result: its error, a cancellation, a lost connection. */
  get maybeError(): Error | undefined {
    const { result } = this.#call.outcome;
    return result === undefined || result.ok ? undefined : result.error;
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
    return yield* (this.#call.stream as MessageStream<Slot<D, "receive">, Slot<D, "send">>).use(body, options);
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
   * @throws TypeError if `reason` is no text
   * @throws ActorTooSlowError if the acknowledgement does not come in time
   */
  *cancel(reason = "ctx.cancel() was called", options: CancelOptions = {}): Operation<void> {
    if (typeof reason !== "string") {
      throw new TypeError(`ctx.cancel(reason, options): reason is a text, got ${inspect(reason)}; options come second`);
    }
    if (this.#call.outcome.result !== undefined) return;
    const { timeoutMs, graceMs = 0 } = options;
    yield* this.#call.cancel({ reason, graceMs }, timeoutMs);
  }
}
