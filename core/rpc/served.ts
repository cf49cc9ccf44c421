/** The serving half of a dialog: one task that runs what a peer asked for, and tells it how that came out. */
import type { Operation, Result } from "effection";
import { type ActorId, formatActorId } from "../actor-id.ts";
import { ContextCancelled, isCancelled, MsgTypeError, ProtocolError, type TransportClosed } from "../errors/mod.ts";
import { ExceptionGroup } from "../exception-group.ts";
import { journal } from "../log/mod.ts";
import { CancelScope } from "../sc/cancel-scope.ts";
import { Event } from "../sc/event.ts";
import { useTask } from "../sc/task.ts";
import { OK } from "../sc/wait.ts";
import { withFrames } from "../stack-frames.ts";
import { reportWarning } from "../warnings.ts";
import {
  type Cid,
  type ExtensionSet,
  fromUid,
  type Message,
  type Start,
  type UndecodablePayload,
} from "../wire/mod.ts";
import type { Channel, DialogHalf } from "./channel.ts";
import { Context } from "./context.ts";
import { contextAt } from "./current-context.ts";
import { type Answering, type Asking, afterAnswer, afterQuestion, type DialogKind, FUNCTYPES } from "./dialog-rules.ts";
import type { AnyContextEndpoint } from "./endpoint.ts";
import { type Exposed, typesOf } from "./exposed-modules.ts";
import { MessageStream } from "./message-stream.ts";
import type { AnyProducerEndpoint } from "./producer.ts";
import { ServedPromise } from "./promise-code.ts";
import { type Parse, parserOf, type Specs } from "./schema.ts";
import type { SendStream } from "./stream-ends.ts";
import type { StreamOptions } from "./stream-options.ts";

/** Who has cancelled an actor, and why. */
export interface Canceller {
  readonly by: ActorId;
  readonly reason: string;
}

export class Served implements DialogHalf {
  readonly cid: Cid;
  readonly channel: Channel;
  readonly label: string;
  readonly caller: ActorId;
  readonly scope: CancelScope;
  readonly types: ExtensionSet | undefined;
  readonly #actorCanceller: () => Canceller | undefined;
  readonly #start: Start;
  readonly #what: Exposed;
  #stream: MessageStream<unknown, unknown> | undefined;
  #canceller: Canceller | undefined;
  #closing: Event | undefined;
  /** Until that is known, as of one whose consumer may have said with its request how much it takes. */
  #kind: DialogKind = "producer";
  #answering: Answering = "asked";
  #asking: Asking = "open";
  /** Credit that came before there was a stream. */
  #earlyItems = 0;
  #earlyBytes = 0;

  /** @param actorCanceller - who has cancelled the whole actor, and so this task too; undefined if nobody has */
  constructor(channel: Channel, start: Start, what: Exposed, actorCanceller: () => Canceller | undefined) {
    this.#actorCanceller = actorCanceller;
    this.channel = channel;
    this.cid = start.cid;
    this.caller = callerOf(start, channel);
    this.label = labelOf(start);
    this.scope = new CancelScope(start.deadline === undefined ? {} : { timeout: start.deadline });
    this.scope.label = this.label;
    this.#start = start;
    this.#what = what;
    this.types = typesOf(what);
    channel.add(start.cid, this);
  }

  /** Who has cancelled it, alone or with its actor. */
  get canceller(): ActorId | undefined {
    return (this.#canceller ?? this.#actorCanceller())?.by;
  }

  get cancelCalled(): boolean {
    return this.scope.cancelCalled || (this.#canceller ?? this.#actorCanceller()) !== undefined;
  }

  /** Set when the task is asked to end within a bound, and is not cancelled yet. Who looks, asks for that notice. */
  get closing(): Event {
    this.#closing ??= new Event();
    return this.#closing;
  }

  /**
   * Somebody asks for this task to be cancelled; only the first one counts.
   *
   * @param graceMs - time between the notice and the cancellation
   * @param isNoticed - whether there is somebody to take notice; without, it is cancelled at once
   */
  cancel(canceller: ActorId, reason: string, graceMs = 0, isNoticed = this.#closing !== undefined): void {
    this.#canceller ??= { by: canceller, reason };
    if (graceMs > 0 && isNoticed) {
      this.#closing?.set();
      this.scope.relativeDeadline = Math.min(this.scope.relativeDeadline, graceMs);
    } else this.scope.cancelWith("peer", reason, undefined, canceller.name);
  }

  /** Run it, in a task of its own. Never fails: how it came out is told to the caller. */
  *run(): Operation<void> {
    if (journal.isEnabled("runtime")) this.#log("dialog.begun", `${this.label} begins`);
    try {
      const value = yield* this.scope.run(() => this.#body());
      if (this.scope.cancelledCaught) {
        // A deadline that came with the request is the caller's own.
        const { by, reason } = this.#canceller ?? {
          by: this.caller,
          reason: this.scope.cancelCause?.reason ?? "deadline",
        };
        this.#fail(this.#cancelledBy(by, reason));
      } else this.#succeed(value);
    } catch (error) {
      const failure = withoutCancelled(error);
      if (failure !== undefined) return this.#fail(failure.error);
      const actor = this.#actorCanceller();
      this.#fail(this.#cancelledBy(actor?.by ?? this.channel.self, actor?.reason ?? "the actor is ending"));
      throw error;
    }
  }

  /**
   * Its task has ended. An error that `run` did not see goes to the caller, or where that has its answer already, to the
   * log.
   *
   * @returns what is left of it for the actor: nothing but a cancellation
   */
  ended(outcome: Result<unknown>): Result<unknown> {
    if (outcome.ok) return outcome;
    const failure = withoutCancelled(outcome.error);
    if (failure === undefined) return outcome;
    if (this.#answering !== "ended") this.#fail(failure.error);
    else {
      reportWarning({
        type: "LateServiceError",
        message: `${this.label} failed after it had been answered: ${String(failure.error)}`,
        error: failure.error,
      });
    }
    return OK;
  }

  // ------------------------------------------------------------------------------------------------------- DialogHalf

  receive(message: Message, bytes: number): void {
    const next = afterQuestion(this.#kind, this.#answering, this.#asking, message.msg_type);
    if (next === undefined) {
      const where = `while its side was "${this.#asking}" and this one "${this.#answering}"`;
      const what = `${this.label}: the peer sent ${message.msg_type} in a ${this.#kind} ${where}`;
      return this.#breach(new ProtocolError(what));
    }
    this.#asking = next;
    const stream = this.#stream;
    if (message.msg_type === "Credit") {
      this.#earlyItems += message.items;
      this.#earlyBytes += message.bytes;
      if (stream !== undefined) this.#passCredit(stream);
    } else if (message.msg_type === "Stop") stream?.peerStopped();
    else if (message.msg_type === "Yield") {
      try {
        stream?.arrived(message.batch === true ? message.pld : [message.pld], bytes);
      } catch (error) {
        this.#breach(error);
      }
    }
  }

  undecodable(error: UndecodablePayload): void {
    this.#breach(error.toMsgTypeError(this.label));
  }

  disconnected(error: TransportClosed): void {
    this.#stream?.end(error);
    // What was asked for detached is done for nobody: there is no one left to answer.
    if (this.#start.detached !== true) this.scope.cancelWith("peer", error.message, error, undefined);
  }

  drained(): void {
    this.#stream?.resume();
  }

  // --------------------------------------------------------------------------------------------- what it runs, by kind

  *#body(): Operation<unknown> {
    const what = this.#what;
    if (what.kind === "context") return yield* this.#runContext(what.endpoint);
    if (what.kind === "producer") return yield* this.#runProducer(what.endpoint);
    const promise = new ServedPromise(this.label, this.#start.ns, this.scope);
    const result = promise.call(what.fn, this.#start.kwargs);
    if (isAsyncIterable(result)) {
      return yield* this.#produce(undefined, {}, (out) => promise.sendAll(result, out));
    }
    this.#accept("call");
    if (isPromiseLike(result)) return yield* promise.settle(result);
    promise.leave();
    return isOperation(result) ? yield* result : result;
  }

  *#runContext(endpoint: AnyContextEndpoint): Operation<unknown> {
    const { specs } = endpoint;
    const args = this.#argsFor(specs);
    const check = specs?.check === "all" ? parserOf(specs, "send", this.label) : undefined;
    const stream = this.#openDialog("context", check, parserOf(specs, "receive", this.label));
    const context = new Context(this, stream, specs);
    const task = yield* useTask();
    if (task !== undefined) contextAt.set(task.status, context);
    const value = yield* endpoint.run(context as Context<never>, args as never);
    if (!context.wasStarted) throw new Error(`${this.label} returned without calling started()`);
    parserOf(specs, "result", this.label)?.(value);
    stream.close();
    return value;
  }

  *#runProducer({ options, run }: AnyProducerEndpoint): Operation<void> {
    const args = this.#argsFor(options);
    yield* this.#produce(options, options, (out) => run(out as SendStream<never>, args as never));
  }

  *#produce(
    specs: Specs | undefined,
    options: StreamOptions,
    body: (out: SendStream<unknown>) => Operation<unknown>,
  ): Operation<void> {
    const check = specs?.check === "all" ? parserOf(specs, "send", this.label) : undefined;
    const stream = this.#openDialog("producer", check, undefined);
    yield* stream.produce(body, options);
  }

  #argsFor(specs: Specs | undefined): unknown {
    const { kwargs } = this.#start;
    const parse = parserOf(specs, "args", this.label);
    return parse === undefined ? kwargs : parse(kwargs);
  }

  #openDialog(kind: DialogKind, check: Parse | undefined, parse: Parse | undefined): MessageStream<unknown, unknown> {
    const stream = new MessageStream<unknown, unknown>(
      this.channel,
      { cid: this.cid, label: this.label, slot: "send" },
      check,
      parse,
    );
    this.#stream = stream;
    this.#accept(kind);
    this.#passCredit(stream);
    return stream;
  }

  #passCredit(stream: MessageStream<unknown, unknown>): void {
    if (this.#earlyItems > 0) stream.credited(this.#earlyItems, this.#earlyBytes);
    this.#earlyItems = this.#earlyBytes = 0;
  }

  // ------------------------------------------------------------------------------------------------- what it answers

  #accept(kind: DialogKind): void {
    this.#kind = kind;
    if (kind === "call" && this.#start.terse === true) return;
    this.say({ msg_type: "StartAck", cid: this.cid, functype: FUNCTYPES[kind] });
  }

  /**
   * Send an answer, unless the last one has been given.
   *
   * @throws ProtocolError if the dialog does not allow it here; MsgTypeError if it cannot be encoded
   */
  say(message: Message): void {
    if (this.#answering === "ended") return;
    const next = afterAnswer(this.#kind, this.#answering, message.msg_type);
    if (next === undefined) {
      throw new ProtocolError(
        `${this.label}: ${message.msg_type} cannot be sent now; this side is "${this.#answering}"`,
      );
    }
    try {
      this.channel.send(message);
    } catch (error) {
      throw error instanceof MsgTypeError ? error.inDialog(this.label) : error;
    }
    this.#answering = next;
    if (next === "ended") this.channel.remove(this.cid);
  }

  #log(event: string, message: string): void {
    const facts = { cid: this.cid, caller: formatActorId(this.caller) };
    journal.write("runtime", event, message, facts, { dialog: this.label });
  }

  #succeed(value: unknown): void {
    if (journal.isEnabled("runtime")) this.#log("dialog.ended", `${this.label} has returned`);
    // A plain peer takes the end of the items for the end of a producer.
    if (this.#kind === "producer" && this.channel.isPlain) return this.#close();
    try {
      this.say({ msg_type: "Return", cid: this.cid, pld: value });
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The last word, unless there has been one: exactly one ends a dialog. */
  #fail(error: unknown): void {
    if (this.#answering === "ended") return;
    if (journal.isEnabled("runtime")) this.#log("dialog.ended", `${this.label} has failed: ${String(error)}`);
    this.channel.sendError(this.cid, error);
    // Nothing is said after that, not even that the stream has ended.
    this.#stream?.end(error instanceof Error ? error : new Error(String(error)));
    this.#close();
  }

  #close(): void {
    this.#answering = "ended";
    this.channel.remove(this.cid);
  }

  /** The peer broke the rules of this dialog: the task ends, with that as its error. */
  #breach(error: unknown): void {
    this.#fail(error);
    this.scope.cancelWith("peer", error instanceof Error ? error.message : String(error), error, this.caller.name);
  }

  /** Without a stack: that would be the runtime's own, and two thirds of what is sent. */
  #cancelledBy(by: ActorId, reason: string): ContextCancelled {
    return withFrames(0, () => new ContextCancelled(by, reason, this.label));
  }
}

/** Nearly always the peer itself. */
function callerOf({ uid }: Start, { peer }: Channel): ActorId {
  return peer !== undefined && peer.id.uuid === uid[1] && peer.id.name === uid[0] ? peer.id : fromUid(uid);
}

let lastLabel = { ns: "", func: "", label: "" };

/** `feed.ticks`: the end of the module's URL, and the function. Made once where the same is asked for again and again. */
function labelOf({ ns, func }: Start): string {
  if (lastLabel.ns === ns && lastLabel.func === func) return lastLabel.label;
  const label = `${ns.slice(ns.lastIndexOf("/") + 1)}.${func}`;
  lastLabel = { ns, func, label };
  return label;
}

/** What is left of `error` besides cancellations; undefined for nothing. */
function withoutCancelled(error: unknown): { readonly error: unknown } | undefined {
  if (isCancelled(error)) return undefined;
  if (!(error instanceof ExceptionGroup)) return { error };
  const rest = error.split(isCancelled)[1];
  return rest === null ? undefined : { error: rest };
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

function isOperation(value: unknown): value is Operation<unknown> {
  if (typeof value !== "object" || value === null || !(Symbol.iterator in value)) return false;
  return !(Array.isArray(value) || value instanceof Map || value instanceof Set || ArrayBuffer.isView(value));
}
