/** The caller's half of a dialog: what was asked, and what has come of it. */
import type { Operation, Result } from "effection";
import { type ActorId, sameActor } from "../actor-id.ts";
import {
  ActorTooSlowError,
  type Cancelled,
  ContextCancelled,
  FunctionNotFound,
  isCancelled,
  ModuleNotExposed,
  MsgTypeError,
  ProtocolError,
  RemoteActorError,
  TransportClosed,
  WrongEndpointKind,
} from "../errors/mod.ts";
import { Deferred } from "../sc/deferred.ts";
import { sleepForever } from "../sc/sleep.ts";
import { type Task, useTask } from "../sc/task.ts";
import { moveOnAfter, shielded } from "../sc/timeouts.ts";
import { showsUserCode } from "../stack-frames.ts";
import { type Cid, type ExtensionSet, type Message, type UndecodablePayload, unboxError } from "../wire/mod.ts";
import { type CancelDetails, CancelRequest } from "./cancel-request.ts";
import type { Channel, DialogHalf } from "./channel.ts";
import { type Answering, afterAnswer, type DialogKind, FUNCTYPES } from "./dialog-rules.ts";
import type { FunctionName } from "./function-name.ts";
import { ANY_PAYLOAD, CANCEL_UNWIND_TIMEOUT_MS, DEADLINE_SKEW_MS } from "./limits.ts";
import { MessageStream } from "./message-stream.ts";
import { ownErrors, typesWith } from "./own-types.ts";
import { type Parse, parserOf, type Specs } from "./schema.ts";

/** What is asked for, with the schemas that its endpoint has named. */
export interface Asked {
  readonly kind: DialogKind;
  readonly specs: Specs | undefined;
  /** Whether it is to run on if this side's connection is lost. */
  readonly detached?: boolean;
}

const PLAIN: Asked = { kind: "call", specs: undefined };

export class Call implements DialogHalf {
  readonly cid: Cid;
  readonly channel: Channel;
  /** `feed.ticks`: module and function, for errors. */
  readonly label: string;
  /** The final result, or what the remote task failed with. */
  readonly outcome: Deferred<unknown>;
  /** The first value of a context; nothing else has one. */
  readonly #first: Deferred<unknown> | undefined;
  /** This side's half of the stream; a call has none. */
  readonly stream: MessageStream<unknown, unknown> | undefined;
  readonly types: ExtensionSet | undefined;
  /** Called once, when the remote task has failed. */
  onFailure: ((error: Error) => void) | undefined;
  /** Whether this side has asked for the cancellation, and whether that was acknowledged. */
  cancelCalled = false;
  cancelAcked = false;
  /** Whether it has failed before it can have heard that it was cancelled, if it was at all. */
  hasFailedUnasked = false;
  /** The actor that the cancellation was asked for by, where it was one that ended the remote task. */
  canceller: ActorId | undefined;

  readonly #kind: DialogKind;
  #answering: Answering = "asked";
  #firstRequest: CancelRequest | undefined;
  readonly #hasDeadline: boolean;
  readonly #parseFirst: Parse | undefined;
  readonly #parseResult: Parse | undefined;

  private constructor(channel: Channel, name: FunctionName, what: Asked, hasDeadline: boolean) {
    this.#hasDeadline = hasDeadline;
    this.channel = channel;
    this.cid = channel.newCid();
    this.label = name.label;
    this.outcome = new Deferred(`result of ${this.label}`, true);
    const { kind, specs } = what;
    this.#first = kind === "context" ? new Deferred(`first value of ${this.label}`, true) : undefined;
    this.#kind = kind;
    this.types = typesWith(specs?.codecs);
    this.#parseFirst = parserOf(specs, "started", this.label);
    this.#parseResult = parserOf(specs, "result", this.label);
    // What the endpoint sends is what we receive, and the other way round.
    const check = specs?.check === "all" ? parserOf(specs, "receive", this.label) : undefined;
    const parse = parserOf(specs, "send", this.label);
    this.stream =
      kind === "call"
        ? undefined
        : new MessageStream(channel, { cid: this.cid, label: this.label, slot: "receive" }, check, parse);
  }

  /**
   * Send the request. @throws MsgTypeError if an argument cannot be encoded; TypeError if `args` is not an object;
   * TransportClosed if the connection is gone
   */
  static *begin(channel: Channel, name: FunctionName, args: unknown, what: Asked = PLAIN): Operation<Call> {
    if (channel.closedBy !== undefined) throw channel.closedBy;
    const deadline = channel.has("deadline") ? remainingMs(yield* useTask()) : undefined;
    const call = new Call(channel, name, what, deadline !== undefined);
    const kwargs = namedArguments(args, call.label);
    // Only a check: the endpoint gets what it makes of them itself.
    parserOf(what.specs, "args", call.label)?.(kwargs);
    channel.add(call.cid, call);
    try {
      channel.send({
        msg_type: "Start",
        cid: call.cid,
        ns: name.ns,
        func: name.func,
        kwargs,
        uid: channel.selfUid,
        pld_spec: ANY_PAYLOAD,
        deadline,
        detached: what.detached === true ? true : undefined,
        terse: what.kind === "call" ? true : undefined,
      });
    } catch (error) {
      channel.remove(call.cid);
      throw error instanceof MsgTypeError ? error.inDialog(call.label) : error;
    }
    return call;
  }

  /** Wait for the final result. A cancellation here cancels the remote task, and waits until it has ended. */
  *result(): Operation<unknown> {
    return yield* this.#waitOrCancel(this.outcome);
  }

  /** Wait for the first value of a context. @throws ProtocolError if the remote task ends without giving one */
  *firstValue(): Operation<unknown> {
    return yield* this.#waitOrCancel(this.#first ?? this.outcome);
  }

  /**
   * Cancel the remote task and wait until it has ended, out of reach of cancellations from outside.
   *
   * @returns how it came out: a task may be too far along to be cancelled
   * @throws ActorTooSlowError if the peer does not acknowledge, or the task does not end, within the bounds
   */
  *endByCancel(reason: string): Operation<Result<unknown>> {
    try {
      return yield* shielded(() => this.#endNow(reason));
    } catch (error) {
      if (error instanceof ActorTooSlowError) this.channel.onTooSlow?.(error);
      throw error;
    }
  }

  *#endNow(reason: string): Operation<Result<unknown>> {
    const { outcome } = this;
    if (outcome.result === undefined) yield* this.cancel({ reason });
    yield* moveOnAfter(CANCEL_UNWIND_TIMEOUT_MS, () => settled(outcome));
    const peer = this.channel.peer?.id;
    if (outcome.result !== undefined) return outcome.result;
    if (peer === undefined) throw new TransportClosed(undefined);
    throw new ActorTooSlowError(
      peer,
      CANCEL_UNWIND_TIMEOUT_MS,
      `end the cancelled ${this.label}`,
      "it ignores cancellation; pass its signal on, or cancel the actor, whose process can be killed",
    );
  }

  /** Ask for the cancellation, and wait for the acknowledgement only. @throws ActorTooSlowError */
  *cancel(details: CancelDetails, timeoutMs?: number): Operation<void> {
    this.cancelCalled = true;
    const request = CancelRequest.ofTask(this.channel, this.cid, details);
    this.#firstRequest ??= request;
    yield* request.wait(timeoutMs);
    this.cancelAcked = true;
    // A plain peer says nothing more of a stream that it was asked to end: no error came before this, so there is none.
    if (this.#kind === "producer" && this.channel.isPlain) this.#end({ ok: true, value: undefined });
  }

  /**
   * Where `error` says that the deadline has passed that went with the request: it was this side's, is about to pass here
   * too, and says more. Wait for that.
   */
  *ownDeadline(error: unknown): Operation<void> {
    if (this.#hasDeadline && !this.cancelCalled && this.isOwnCancel(error)) {
      yield* moveOnAfter(DEADLINE_SKEW_MS, sleepForever);
    }
  }

  /** The remote task has given all its items, and its result is on the way. */
  get isEnding(): boolean {
    return this.#answering === "stopped" && !this.channel.isPlain;
  }

  /** Whether `error` only says that a cancellation has happened which this actor asked for. */
  isOwnCancel(error: unknown): boolean {
    return error instanceof ContextCancelled && sameActor(error.canceller, this.channel.self);
  }

  // ------------------------------------------------------------------------------------------------------- DialogHalf

  receive(message: Message, bytes: number): void {
    const next = afterAnswer(this.#kind, this.#answering, message.msg_type);
    if (next === undefined) {
      const where = `after its side was "${this.#answering}"`;
      return this.#refuse(
        new ProtocolError(`${this.label}: the peer sent ${message.msg_type} in a ${this.#kind} ${where}`),
      );
    }
    this.#answering = next;
    switch (message.msg_type) {
      case "StartAck":
        if (message.functype === FUNCTYPES[this.#kind]) return;
        return this.#refuse(new WrongEndpointKind(this.label, this.#kind, message.functype));
      case "Started":
        this.#give(message.pld, this.#parseFirst, (value) => this.#first?.resolve(value));
        return;
      case "Yield":
        this.#items(message.batch === true ? message.pld : [message.pld], bytes);
        return;
      case "Credit":
        this.stream?.credited(message.items, message.bytes);
        return;
      case "Stop":
        this.stream?.peerStopped();
        return;
      case "Return":
        return this.#give(message.pld, this.#parseResult, (value) => this.#end({ ok: true, value }));
      case "Error":
        this.hasFailedUnasked = this.#firstRequest?.acknowledged.result === undefined;
        return this.#end({ ok: false, error: unboxError(message, ownErrors) });
    }
  }

  undecodable(error: UndecodablePayload): void {
    this.#refuse(error.toMsgTypeError(this.label));
  }

  disconnected(error: TransportClosed): void {
    this.#end({ ok: false, error });
  }

  drained(): void {
    this.stream?.resume();
  }

  #items(items: readonly unknown[], bytes: number): void {
    try {
      this.stream?.arrived(items, bytes);
    } catch (error) {
      this.#refuse(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #give(value: unknown, parse: Parse | undefined, to: (parsed: unknown) => void): void {
    let parsed = value;
    try {
      if (parse !== undefined) parsed = parse(value);
    } catch (error) {
      return this.#refuse(error instanceof Error ? error : new Error(String(error)));
    }
    to(parsed);
  }

  /** The peer broke the rules of this dialog: end it here, and over there. */
  #refuse(error: Error): void {
    CancelRequest.ofTask(this.channel, this.cid, { reason: error.message });
    this.#end({ ok: false, error });
  }

  #end(result: Result<unknown>): void {
    this.#answering = "ended";
    this.channel.remove(this.cid);
    if (!result.ok && result.error instanceof ContextCancelled) this.canceller = result.error.canceller;
    if (!this.outcome.settle(result)) return;
    if (result.ok) {
      if (this.#first?.result === undefined) {
        this.#first?.reject(new ProtocolError(`${this.label} returned without calling started()`));
      }
      this.stream?.peerStopped();
    } else {
      this.#first?.reject(result.error);
      this.stream?.end(result.error);
      this.onFailure?.(result.error);
    }
  }

  *#waitOrCancel(what: Deferred<unknown>): Operation<unknown> {
    try {
      return yield* what.wait();
    } catch (error) {
      if (isCancelled(error)) return yield* this.#cancelled(error);
      yield* this.ownDeadline(error);
      if (isAboutCall(error) && !this.isOwnCancel(error)) Error.captureStackTrace(error);
      throw error;
    }
  }

  /** Our side was cancelled while it waited: it has happened, or it was cancelled, or it failed; never two of these. */
  *#cancelled(cancelled: Cancelled): Operation<unknown> {
    const ended = yield* this.endByCancel(cancelled.reason);
    if (ended.ok) return ended.value;
    throw this.isOwnCancel(ended.error) || ended.error instanceof TransportClosed ? cancelled : ended.error;
  }
}

/**
 * Whether what shows where it went wrong is where the call was made: where the error was made there was only the message
 * that came in, or the refusal over there. What went wrong in the code over there keeps the stack of that.
 */
function isAboutCall(error: unknown): error is Error {
  if (error instanceof RemoteActorError) return true;
  return REFUSALS.some((cls) => error instanceof cls) && !showsUserCode((error as Error).stack ?? "");
}

const REFUSALS = [ContextCancelled, FunctionNotFound, ModuleNotExposed, MsgTypeError, WrongEndpointKind] as const;

/** Wait until there is a result, whichever. */
function* settled(deferred: Deferred<unknown>): Operation<void> {
  try {
    yield* deferred.wait();
  } catch (error) {
    if (isCancelled(error)) throw error;
  }
}

/** Milliseconds until the earliest deadline in force here; undefined for none. */
function remainingMs(task: Task | undefined): number | undefined {
  const deadline = task?.status.effectiveDeadline ?? Number.POSITIVE_INFINITY;
  if (task === undefined || !Number.isFinite(deadline)) return undefined;
  return Math.max(0, deadline - task.clock.now());
}

function namedArguments(args: unknown, label: string): Readonly<Record<string, unknown>> {
  if (args === undefined) return {};
  if (typeof args !== "object" || args === null || Array.isArray(args)) {
    throw new TypeError(`${label}: arguments are given as one object of named arguments, got ${describe(args)}`);
  }
  return Object.getPrototypeOf(args) === Object.prototype ? (args as Record<string, unknown>) : { ...args };
}

function describe(value: unknown): string {
  return Array.isArray(value) ? "an array" : `${typeof value} ${String(value)}`;
}
