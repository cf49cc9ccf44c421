/** The handle on another actor: call its functions, open contexts in it, cancel it. */
import type { Operation } from "effection";
import type { ActorId } from "../actor-id.ts";
import { Call } from "./call.ts";
import { CancelRequest, SELF_NAMESPACE } from "./cancel-request.ts";
import type { Channel } from "./channel.ts";
import type { PeerContext } from "./context.ts";
import {
  type ArgsOf,
  type Callable,
  type ContextEndpoint,
  type Dialog,
  isContextEndpoint,
  type ResultOf,
  type Slot,
} from "./endpoint.ts";
import { type EnabledModules, type FunctionName, functionName, nameOf } from "./function-name.ts";
import { type ConsumeOptions, consume, runLinked } from "./linked.ts";
import type { MessageStream } from "./message-stream.ts";
import { type ArgsOfSource, type ItemOf, isProducerEndpoint, type Source } from "./producer.ts";
import type { ReceiveStream } from "./stream-ends.ts";
import { completeOptions } from "./stream-options.ts";
import { readVitals, VITALS, type Vitals } from "./vitals.ts";

export interface CancelActorOptions {
  /** Time for the acknowledgement, in milliseconds; `CANCEL_ACK_TIMEOUT_MS` unless told. */
  readonly timeoutMs?: number;
  /** Whether a missing acknowledgement is thrown; else it is left to the actor's nursery, which escalates. */
  readonly raiseOnTimeout?: boolean;
  readonly reason?: string;
  /**
   * Time for its tasks that look at `ctx.closing` or `actor.closing` to end by themselves, in milliseconds, before they
   * are cancelled; that of its nursery's `teardown` bounds unless told. It takes no more requests meanwhile.
   */
  readonly graceMs?: number;
}

interface PortalDetails {
  /** Has the actor's supervisor, if there is one, ask for its end, and see to it. */
  readonly cancel?: (reason: string, graceMs: number | undefined) => CancelRequest;
  /** Wait until its process has ended, where it is one that this side has started. */
  readonly gone?: () => Operation<unknown>;
  readonly isDetached?: boolean;
  readonly addresses?: readonly string[];
}

export class Portal {
  readonly actor: ActorId;
  /** Where the actor listens for peers, as multiaddrs, as far as this side was told. */
  readonly addresses: readonly string[];
  readonly #channel: Channel;
  readonly #modules: EnabledModules;
  readonly #details: PortalDetails;
  /** What was asked for before. */
  readonly #names = new WeakMap<object, FunctionName>();

  /** @internal */
  constructor(actor: ActorId, channel: Channel, modules: EnabledModules, details: PortalDetails = {}) {
    this.#details = details;
    this.addresses = details.addresses ?? [];
    this.actor = actor;
    this.#channel = channel;
    this.#modules = modules;
  }

  /** Its process, as it said itself; null if it said nothing of that. On another host it means nothing here. */
  get pid(): number | null {
    return this.#channel.peer?.pid ?? null;
  }

  /** @internal Wait until the actor's process has ended; not at all where another has started it. */
  *gone(): Operation<void> {
    if (this.#details.gone !== undefined) yield* this.#details.gone();
  }

  /**
   * The same portal for what is to be done whether or not this actor lives to hear of it: what is asked through it runs
   * to its end also if the connection is lost. Cancelled here it is cancelled there, as ever.
   */
  get detached(): Portal {
    return new Portal(this.actor, this.#channel, this.#modules, { ...this.#details, isDetached: true });
  }

  /**
   * Run a function in the actor, and wait for its result. Cancelled here, it is cancelled there, and waited for.
   *
   * @param fn - an exported `function*` or async function of a module that the actor exposes, or a `remote` reference
   * @param args - its named arguments
   * @throws RemoteActorError with what the function threw
   * @throws ContextCancelled if it was cancelled by somebody else
   * @throws FunctionNotFound, ModuleNotExposed if it cannot be called there
   * @throws MsgTypeError if the arguments, or the result, cannot be encoded
   * @throws TransportClosed if the connection is lost
   */
  *run<F extends (...args: never[]) => unknown>(
    fn: F & Callable<never, unknown>,
    ...args: ArgsOf<F>
  ): Operation<ResultOf<F>> {
    const name = this.#names.get(fn) ?? (yield* this.#name(fn));
    const [named]: readonly unknown[] = args;
    const detached = this.#details.isDetached === true;
    const call = yield* Call.begin(this.#channel, name, named, { kind: "call", specs: undefined, detached });
    return (yield* call.result()) as ResultOf<F>;
  }

  /**
   * Start a context endpoint in the actor and run `body` linked to it, once it has given its first value. Leaving the
   * body waits for the remote task; a body that fails or is cancelled cancels it first.
   *
   * @returns what `body` returned; undefined if it was left by the cancellation that it had asked for itself
   * @throws RemoteActorError with what the remote task threw; the body is cancelled first
   * @throws ContextCancelled if it was cancelled by somebody else
   * @throws ExceptionGroup if both sides failed
   * @throws MsgTypeError if an argument, an item or the result is not what the endpoint's schemas allow
   * @throws as `run` for what cannot be called or encoded
   */
  *openContext<A, D extends Dialog, R, T>(
    endpoint: ContextEndpoint<A, D, R, Dialog, unknown>,
    args: A,
    body: (ctx: PeerContext<D, R>, first: Slot<D, "started">) => Operation<T>,
  ): Operation<T> {
    mustBeBlock("openContext", body);
    const name = this.#names.get(endpoint) ?? (yield* this.#name(endpoint));
    // A remote reference has types, and nothing to check them by: then only the endpoint's own side does.
    const specs = isContextEndpoint(endpoint) ? endpoint.specs : undefined;
    const call = yield* Call.begin(this.#channel, name, args, {
      kind: "context",
      specs,
      detached: this.#details.isDetached === true,
    });
    return yield* runLinked<D, R, T>(call, body);
  }

  /**
   * Start a producer in the actor and run `body` with its items, in order; it is held back to the pace of `body`.
   * Leaving the body while it still produces cancels it; either way it has ended when this returns.
   *
   * ```ts
   * yield* portal.openStreamFrom(ticks, { symbol: "BTC" }, function* (stream) {
   *   for (const tick of yield* each(stream)) { …; yield* each.next(); }
   * });
   * ```
   *
   * @param source - a `producer`, an exported `async function*`, or any function that returns an async iterable
   * @param options - how much this side takes ahead (`capacity`, `capacityBytes`), what becomes of more (`overflow`), and
   *   of a failure that the block has not waited for (`onMissedFailure`)
   * @returns what `body` returned
   * @throws RemoteActorError with what the producer threw: where its items are received, after them, and here
   * @throws ContextCancelled if it was cancelled by somebody else; ExceptionGroup if both sides failed
   * @throws RangeError for a bad option; MsgTypeError, WrongEndpointKind, and as `run` for what cannot be called or encoded
   */
  *openStreamFrom<S extends Source, T>(
    source: S,
    args: ArgsOfSource<S>,
    body: (stream: ReceiveStream<ItemOf<S>>) => Operation<T>,
    options: ConsumeOptions = {},
  ): Operation<T> {
    mustBeBlock("openStreamFrom", body);
    completeOptions(options); // before anything is asked for
    const name = this.#names.get(source) ?? (yield* this.#name(source));
    const specs = isProducerEndpoint(source) ? source.options : undefined;
    const call = yield* Call.begin(this.#channel, name, args, {
      kind: "producer",
      specs,
      detached: this.#details.isDetached === true,
    });
    return yield* consume(call, call.stream as MessageStream<never, ItemOf<S>>, body, options);
  }

  /**
   * Ask the actor how it does: memory, time since its start, dialogs that it serves.
   *
   * @throws FunctionNotFound if it is a peer of another make; TransportClosed if the connection is lost
   */
  *vitals(): Operation<Vitals> {
    const call = yield* Call.begin(this.#channel, functionName(SELF_NAMESPACE, VITALS), {});
    return readVitals(yield* call.result());
  }

  *#name(reference: unknown): Operation<FunctionName> {
    const name = yield* nameOf(reference, this.#modules);
    this.#names.set(reference as object, name);
    return name;
  }

  /**
   * Cancel the whole actor, and wait until it has acknowledged that. Its nursery waits until it has gone.
   *
   * @throws ActorTooSlowError if the acknowledgement does not come in time and `raiseOnTimeout` is set
   */
  *cancelActor(options: CancelActorOptions = {}): Operation<void> {
    const { timeoutMs, raiseOnTimeout = false, reason = "portal.cancelActor() was called" } = options;
    const { graceMs } = options;
    const request =
      this.#details.cancel?.(reason, graceMs) ??
      CancelRequest.ofActor(this.#channel, { reason, graceMs: graceMs ?? 0 });
    try {
      yield* request.wait(timeoutMs);
    } catch (error) {
      // A cancellation of this task is not lost by that: its next checkpoint is cancelled too.
      if (raiseOnTimeout) throw error;
    }
  }
}

function mustBeBlock(method: string, body: unknown): void {
  if (typeof body === "function") return;
  throw new TypeError(
    `portal.${method}(endpoint, args, body) takes its block as a generator function, got ${typeof body}`,
  );
}
