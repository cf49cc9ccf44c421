/** One half of a context, held by Promise code: the remote task lives until it ends, or until the handle is closed. */
import type { Operation } from "effection";
import {
  type ActorId,
  BusyResourceError,
  type CancelOptions,
  type ContextEndpoint,
  type ContextState,
  type Dialog,
  EndOfChannel,
  Event,
  isCancelled,
  type MessageStream,
  type Nursery,
  openNursery,
  type PeerContext,
  type Portal,
  type Slot,
  type StreamOptions,
  type StreamStatistics,
} from "../core/mod.ts";
import { MAX_WAITING_SENDS } from "../to_promise/mod.ts";
import { ContextLeft, GuestClosed } from "./errors.ts";
import { type CallOptions, type DoorTask, ownErrors, TaskDoor } from "./task-door.ts";
import type { UnseenFailures } from "./unseen-failures.ts";

export interface PromiseContextOptions extends StreamOptions {
  /** Cancels the remote task when it aborts, at any time of the context's life. */
  readonly signal?: AbortSignal | undefined;
}

/** What a context's handle is opened through. */
interface Link {
  readonly door: TaskDoor;
  readonly unseen: UnseenFailures;
}

/** The stream as its opener has it: what the endpoint sends is received here. */
type PeerStream<D extends Dialog> = MessageStream<Slot<D, "receive">, Slot<D, "send">>;

/**
 * A context in another actor. `await using` closes it: a remote task that still runs is then cancelled, and waited for.
 * To have it come to its own end, await `result()` first.
 */
export class PromiseContext<D extends Dialog = Dialog, R = unknown>
  implements AsyncIterable<Slot<D, "send">, void>, AsyncDisposable
{
  /** The first value, given by the endpoint with `started`. */
  readonly first: Slot<D, "started">;
  readonly actor: ActorId;
  readonly #peer: PeerContext<D, R>;
  readonly #stream: PeerStream<D>;
  readonly #parts: Parts;
  readonly #task: DoorTask<void>;
  #pending = 0;
  /** Whether it was this side that has left the stream. */
  #wasLeft = false;
  #hasEnded = false;
  #failure: { readonly error: unknown } | undefined;
  /** Says that the failure was seen. */
  #seen: (() => void) | undefined;
  #wasTold = false;

  private constructor(
    actor: ActorId,
    peer: PeerContext<D, R>,
    first: Slot<D, "started">,
    stream: PeerStream<D>,
    parts: Parts,
    task: DoorTask<void>,
  ) {
    this.actor = actor;
    this.first = first;
    this.#peer = peer;
    this.#stream = stream;
    this.#parts = parts;
    this.#task = task;
  }

  /** @internal */
  static open<A, D extends Dialog, R>(
    link: Link,
    portal: Portal,
    endpoint: ContextEndpoint<A, D, R, Dialog, unknown>,
    args: A,
    { signal, ...streamOptions }: PromiseContextOptions,
  ): Promise<PromiseContext<D, R>> {
    return new Promise((resolve, reject) => {
      let context: PromiseContext<D, R> | undefined;
      const why = (): unknown => {
        if (signal?.aborted === true) return signal.reason;
        const own = context === undefined ? undefined : context.#peer.maybeError;
        return own ?? link.door.closedBy ?? new ContextLeft(portal.actor, "use");
      };
      const task = link.door.start(
        `context in ${portal.actor.name}`,
        function* () {
          yield* portal.openContext(endpoint, args, (peer, first) =>
            ownErrors(
              openNursery(function* (calls) {
                const parts = new Parts(calls, why);
                yield* peer.openStream(
                  (stream) =>
                    parts.holdOpen(() => {
                      const opened = new PromiseContext(portal.actor, peer, first, stream, parts, task);
                      context = opened;
                      calls.startSoon(() => opened.#leaveWithPeer());
                      resolve(opened);
                    }),
                  streamOptions,
                );
                parts.isClosed.set();
              }),
            ),
          );
        },
        { signal },
      );
      const ended = (failure?: { readonly error: unknown }) => {
        if (context !== undefined) context.#ended(link.unseen, signal, failure);
        else reject(failure === undefined ? why() : failure.error);
      };
      task.ended.then(
        () => ended(),
        (error: unknown) => ended({ error }),
      );
    });
  }

  /** Where the remote task stands, as far as this side has heard. */
  get state(): ContextState {
    return this.#peer.state;
  }

  /** The actor that had the remote task cancelled, once that has ended it. */
  get canceller(): ActorId | undefined {
    return this.#peer.canceller;
  }

  /**
   * Send one item; the promise resolves when the peer has room for it. Await it: that is the backpressure.
   *
   * @throws (as rejection) BusyResourceError if `MAX_WAITING_SENDS` calls wait already; as `stream.send` of a context
   */
  send(item: Slot<D, "receive">, options?: CallOptions): Promise<void> {
    return this.#call(this.#parts.sends, "send", () => this.#stream.send(item), options);
  }

  /** As `send`, at once; false, and nothing sent, if there is no room. */
  trySend(item: Slot<D, "receive">): boolean {
    return this.#stream.trySend(item);
  }

  /**
   * Receive one item.
   *
   * @throws (as rejection) EndOfChannel if the peer has closed its side and all was received
   * @throws (as rejection) what the remote task has failed with
   */
  async receive(options?: CallOptions): Promise<Slot<D, "send">> {
    try {
      const item = await this.#call(this.#parts.reads, "receive", () => this.#stream.receive(), options);
      this.#leaveIfDone();
      return item;
    } catch (error) {
      if (!(error instanceof ContextLeft) || this.#wasLeft) throw error;
      throw new EndOfChannel(`what a context in actor "${this.actor.name}" has sent`);
    }
  }

  /** The items that the endpoint sends, until it closes its stream. Leaving the loop leaves the context open. */
  [Symbol.asyncIterator](): AsyncIterator<Slot<D, "send">, void> {
    return { next: () => this.#next(), return: async () => ({ done: true, value: undefined }) };
  }

  statistics(): StreamStatistics {
    return this.#stream.statistics();
  }

  /** Close this side of the stream, once what is being sent has left: nothing more is sent or received here. */
  async closeStream(): Promise<void> {
    const { calls, isLeft, isClosed } = this.#parts;
    this.#wasLeft = true;
    isLeft.set();
    try {
      await this.#call(calls, "closeStream", () => isClosed.wait());
    } catch (error) {
      // The whole context has ended meanwhile.
      if (!(error instanceof ContextLeft)) throw error;
    }
  }

  /**
   * Wait for what the remote task returns; may be asked again. An endpoint that reads until its caller closes the stream
   * ends after `closeStream()`.
   *
   * @throws (as rejection) RemoteActorError with what it threw; ContextCancelled if it was cancelled
   */
  async result(options?: CallOptions): Promise<R> {
    const { outcome } = this.#peer;
    if (outcome?.ok === true) return outcome.value;
    return await this.#call(this.#parts.calls, "result", () => this.#peer.waitForResult(), options);
  }

  /** Cancel the remote task, and wait until its actor has acknowledged that. @throws (as rejection) ActorTooSlowError */
  async cancel(reason = "ctx.cancel() was called", options?: CancelOptions): Promise<void> {
    if (this.#hasEnded) return;
    await this.#call(this.#parts.calls, "cancel", () => this.#peer.cancel(reason, options));
  }

  /**
   * Leave the context: cancel the remote task if it still runs, and wait until it has ended.
   *
   * @throws (as rejection) what it has failed with, if nobody was told of that yet
   */
  async close(): Promise<void> {
    this.#wasLeft = true;
    if (!this.#hasEnded) this.#task.cancel("its handle was closed");
    await this.#task.ended.catch(() => {}); // kept by `#ended`
    if (this.#failure === undefined || this.#wasTold) return;
    this.#tell();
    throw this.#failure.error;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  *#leaveWithPeer(): Operation<void> {
    try {
      yield* this.#peer.waitForResult();
    } catch (error) {
      // Whoever asks for the result is told.
      if (isCancelled(error)) throw error;
    }
    this.#leaveIfDone();
  }

  async #next(): Promise<IteratorResult<Slot<D, "send">, void>> {
    try {
      return { done: false, value: await this.receive() };
    } catch (error) {
      if (error instanceof EndOfChannel || error instanceof ContextLeft) return { done: true, value: undefined };
      throw error;
    }
  }

  async #call<T>(door: TaskDoor, what: string, body: () => Operation<T>, options?: CallOptions): Promise<T> {
    if (this.#failure !== undefined) {
      this.#tell();
      throw this.#failure.error;
    }
    if (this.#pending >= MAX_WAITING_SENDS) {
      throw new BusyResourceError(`${MAX_WAITING_SENDS} calls on a context wait already; await ctx.${what}()`);
    }
    this.#pending++;
    try {
      return await door.run(what, body, options);
    } catch (error) {
      if (error === this.#peer.maybeError) this.#tell();
      throw error;
    } finally {
      this.#pending--;
    }
  }

  /** The remote task has returned, and all it had sent was received: there is nothing to hold open. */
  #leaveIfDone(): void {
    const { outcome } = this.#peer;
    if (outcome === undefined || (outcome.ok && this.#stream.statistics().buffered > 0)) return;
    this.#parts.isLeft.set();
  }

  #ended(unseen: UnseenFailures, signal: AbortSignal | undefined, failure?: { readonly error: unknown }): void {
    this.#hasEnded = true;
    if (failure === undefined) return;
    this.#failure = failure;
    // Who has aborted the signal knows, and what has ended the guest is told by that.
    const { error } = failure;
    this.#wasTold ||= error instanceof GuestClosed || (signal?.aborted === true && error === signal.reason);
    if (!this.#wasTold) this.#seen = unseen.add(`a context in actor "${this.actor.name}"`, failure.error);
  }

  #tell(): void {
    this.#wasTold = true;
    this.#seen?.();
  }
}

/** Where the calls on a context run. Sends are waited for when the stream is closed, reads are cancelled then. */
class Parts {
  readonly calls: TaskDoor;
  /** Set when the stream is to be closed, and when it is. */
  readonly isLeft = new Event();
  readonly isClosed = new Event();
  sends: TaskDoor;
  reads: TaskDoor;
  readonly #why: () => unknown;

  constructor(calls: Nursery, why: () => unknown) {
    this.#why = why;
    this.calls = new TaskDoor(calls, why);
    this.sends = this.calls;
    this.reads = this.calls;
  }

  /** To be run in the stream's block: `opened` is called once sends and reads can be. */
  *holdOpen(opened: () => void): Operation<void> {
    const { isLeft } = this;
    yield* openNursery((reads) =>
      function* (this: Parts): Operation<void> {
        this.reads = new TaskDoor(reads, this.#why);
        yield* openNursery(
          function* (this: Parts, sends: Nursery): Operation<void> {
            this.sends = new TaskDoor(sends, this.#why);
            opened();
            yield* isLeft.wait();
          }.bind(this),
        );
        reads.cancelScope.cancel("this side has closed its stream");
      }.call(this),
    );
  }
}
