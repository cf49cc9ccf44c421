/** The serving half of a dialog: one task that runs what a peer asked for, and tells it how that came out. */
import type { Operation, Result } from "effection";
import type { ActorId } from "../actor-id.ts";
import { ContextCancelled, isCancelled, type TransportClosed } from "../errors.ts";
import { ExceptionGroup } from "../exception-group.ts";
import { CancelScope } from "../sc/cancel-scope.ts";
import { park } from "../sc/park.ts";
import { OK } from "../sc/wait.ts";
import { type Cid, fromUid, type Message, type Start, type UndecodablePayload } from "../wire/mod.ts";
import type { Channel, DialogHalf } from "./channel.ts";
import { Context } from "./context.ts";
import type { AnyContextEndpoint } from "./endpoint.ts";
import type { Exposed } from "./exposed-modules.ts";
import { parserOf } from "./schema.ts";

export class Served implements DialogHalf {
  readonly cid: Cid;
  readonly channel: Channel;
  readonly label: string;
  readonly caller: ActorId;
  readonly scope: CancelScope;
  readonly #start: Start;
  readonly #what: Exposed;
  #context: Context | undefined;
  #canceller: ActorId | undefined;
  #answered = false;

  constructor(channel: Channel, start: Start, what: Exposed) {
    this.channel = channel;
    this.cid = start.cid;
    this.caller = fromUid(start.uid);
    this.label = `${start.ns.slice(start.ns.lastIndexOf("/") + 1)}.${start.func}`;
    this.scope = new CancelScope(start.deadline === undefined ? {} : { timeout: start.deadline });
    this.#start = start;
    this.#what = what;
    channel.add(start.cid, this);
  }

  /** Somebody asks for this task to be cancelled; only the first one counts. */
  cancel(canceller: ActorId, reason: string): void {
    this.#canceller ??= canceller;
    this.scope.cancelWith("peer", reason, undefined, canceller.name);
  }

  /**
   * Run it, in a task of its own. Never fails: how it came out is told to the caller.
   *
   * @param serviceCanceller - who cancelled the whole actor, if that is why this task is cancelled
   */
  *run(serviceCanceller: () => { readonly by: ActorId; readonly reason: string }): Operation<void> {
    const functype = this.#what.kind === "context" ? "context" : "asyncfunc";
    this.channel.send({ msg_type: "StartAck", cid: this.cid, functype });
    try {
      const value = yield* this.scope.run(() => this.#body());
      if (this.scope.cancelledCaught) {
        // A deadline that came with the request is the caller's own.
        this.#fail(this.#cancelledBy(this.#canceller ?? this.caller, this.scope.cancelCause?.reason ?? "deadline"));
      } else this.#succeed(value);
    } catch (error) {
      const failure = withoutCancelled(error);
      if (failure !== undefined) return this.#fail(failure.error);
      const { by, reason } = serviceCanceller();
      this.#fail(this.#cancelledBy(by, reason));
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
    if (!this.#answered) this.#fail(failure.error);
    else {
      process.emitWarning(`${this.label} failed after it had been answered: ${String(failure.error)}`, {
        type: "LateServiceError",
        detail: failure.error instanceof Error ? (failure.error.stack ?? "") : "",
      });
    }
    return OK;
  }

  // ------------------------------------------------------------------------------------------------------- DialogHalf

  receive(message: Message, bytes: number): void {
    const stream = this.#context?.stream;
    if (message.msg_type === "Credit") stream?.credited(message.items, message.bytes);
    else if (message.msg_type === "Stop") stream?.peerStopped();
    else if (message.msg_type === "Yield") {
      try {
        stream?.arrived(message.batch === true ? message.pld : [message.pld], bytes);
      } catch (error) {
        this.#breach(error);
      }
    }
  }

  undecodable(error: UndecodablePayload): void {
    this.#breach(error.toMsgTypeError());
  }

  disconnected(error: TransportClosed): void {
    this.#context?.stream.end(error);
    this.scope.cancelWith("peer", error.message, error, undefined);
  }

  drained(): void {
    this.#context?.stream.resume();
  }

  *#body(): Operation<unknown> {
    if (this.#what.kind === "context") return yield* this.#runContext(this.#what.endpoint);
    const { signal } = this.scope;
    const result = this.#what.fn(this.#start.kwargs, { signal });
    if (isPromiseLike(result)) return yield* settledPromise(result, this.label, signal);
    return isOperation(result) ? yield* result : result;
  }

  *#runContext(endpoint: AnyContextEndpoint): Operation<unknown> {
    const { specs } = endpoint;
    const { kwargs } = this.#start;
    const parseArgs = parserOf(specs, "args", this.label);
    const args = parseArgs === undefined ? kwargs : parseArgs(kwargs);
    const context = new Context(this, specs);
    this.#context = context;
    const value = yield* endpoint.run(context as Context<never>, args as never);
    if (!context.wasStarted) throw new Error(`${this.label} returned without calling started()`);
    parserOf(specs, "result", this.label)?.(value);
    context.stream.close();
    return value;
  }

  #succeed(value: unknown): void {
    if (this.#answered) return;
    try {
      this.channel.send({ msg_type: "Return", cid: this.cid, pld: value });
      this.channel.remove(this.cid);
      this.#answered = true;
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The last word, unless there has been one: exactly one ends a dialog. */
  #fail(error: unknown): void {
    if (this.#answered) return;
    this.#answered = true;
    this.channel.sendError(this.cid, error);
    this.channel.remove(this.cid);
  }

  /** The peer broke the rules of this dialog: the task ends, with that as its error. */
  #breach(error: unknown): void {
    this.#fail(error);
    this.scope.cancelWith("peer", error instanceof Error ? error.message : String(error), error, this.caller.name);
  }

  #cancelledBy(by: ActorId, reason: string): ContextCancelled {
    return new ContextCancelled(by, reason, this.label);
  }
}

/** What is left of `error` besides cancellations; undefined for nothing. */
function withoutCancelled(error: unknown): { readonly error: unknown } | undefined {
  if (isCancelled(error)) return undefined;
  if (!(error instanceof ExceptionGroup)) return { error };
  const rest = error.split(isCancelled)[1];
  return rest === null ? undefined : { error: rest };
}

/** Wait until a promise has settled, however long: cancellation reaches its code through `signal`. */
function* settledPromise(promise: PromiseLike<unknown>, label: string, signal: AbortSignal): Operation<unknown> {
  try {
    return yield* park<unknown>(
      `promise of ${label}`,
      (waker) => {
        promise.then(waker.wake, waker.fail);
        return () => false;
      },
      { byHost: true },
    );
  } catch (error) {
    throw signal.aborted && error instanceof Error && error.name === "AbortError" ? signal.reason : error;
  }
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

function isOperation(value: unknown): value is Operation<unknown> {
  if (typeof value !== "object" || value === null || !(Symbol.iterator in value)) return false;
  return !(Array.isArray(value) || value instanceof Map || value instanceof Set || ArrayBuffer.isView(value));
}
