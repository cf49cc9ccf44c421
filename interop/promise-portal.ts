/** The handle on another actor, for Promise code: what a portal does, as promises and async iterables. */
import type { Operation } from "effection";
import {
  type ActorId,
  type ArgsOfSource,
  type Callable,
  type CancelActorOptions,
  type ContextEndpoint,
  type Dialog,
  type ItemOf,
  openPortalTo,
  type PeerOptions,
  type Portal,
  type ResultOf,
  type Source,
  type StreamOptions,
  sleepForever,
} from "../core/mod.ts";
import { type ObserveOptions, observe } from "./observable-endpoint.ts";
import { PromiseContext, type PromiseContextOptions } from "./promise-context.ts";
import { forEachItem } from "./stream-source.ts";
import type { CallOptions, DoorTask, TaskDoor } from "./task-door.ts";
import { TaskIterator } from "./task-iterator.ts";
import type { TaskObservable } from "./to-observable.ts";
import type { UnseenFailures } from "./unseen-failures.ts";

/** The function's named arguments, which may be left out if it needs none, and what bounds the call. */
export type ArgsAndCall<F> = F extends () => unknown
  ? [args?: Readonly<Record<string, never>>, options?: CallOptions]
  : F extends (args: infer A, ...rest: never[]) => unknown
    ? object extends A
      ? [args?: A, options?: CallOptions]
      : [args: A, options?: CallOptions]
    : never;

export type StreamCallOptions = CallOptions & Pick<StreamOptions, "capacity" | "capacityBytes" | "overflow">;

/** @internal The guest run that a portal belongs to. */
export interface GuestLink {
  readonly door: TaskDoor;
  readonly unseen: UnseenFailures;
}

export class PromisePortal {
  readonly #portal: Portal;
  /** @internal */
  readonly link: GuestLink;

  /** @internal */
  constructor(portal: Portal, link: GuestLink) {
    this.#portal = portal;
    this.link = link;
  }

  get actor(): ActorId {
    return this.#portal.actor;
  }

  /** Where the actor listens for peers, as multiaddrs, as far as this side was told. */
  get addresses(): readonly string[] {
    return this.#portal.addresses;
  }

  /** Its process, as it said itself; null if it said nothing of that. On another host it means nothing here. */
  get pid(): number | null {
    return this.#portal.pid;
  }

  /** As `portal.detached`: what is asked through it runs to its end also if the connection is lost. */
  get detached(): PromisePortal {
    return new PromisePortal(this.#portal.detached, this.link);
  }

  /** The portal as operations have it, for `guest.run`. */
  get operations(): Portal {
    return this.#portal;
  }

  /**
   * Run a function in the actor. `portal.run(isPrime, { n: 7 }, { signal, timeoutMs })`
   *
   * @throws (as rejection) the signal's reason, or TooSlowError, once the function has unwound over there
   * @throws (as rejection) RemoteActorError with what it threw; GuestClosed; as `portal.run` of an operation
   */
  run<F extends (...args: never[]) => unknown>(
    fn: F & Callable<never, unknown>,
    ...[args, options]: ArgsAndCall<F>
  ): Promise<ResultOf<F>> {
    // The arguments are those of `F`: what is left out is not needed.
    const call = () => this.#portal.run(fn, ...([args] as never));
    return this.link.door.run(`run in ${this.actor.name}`, call, options);
  }

  /**
   * The items of a producer in the actor, at the pace of whoever reads; each iteration starts it anew, with its first
   * `next()`. Leaving the loop cancels the producer, and waits until it has ended.
   *
   * @throws (as rejection of `next`) what the producer has failed with, after its items; what `options` ask for; as `run`
   */
  stream<S extends Source>(
    source: S,
    args: ArgsOfSource<S>,
    { signal, timeoutMs, ...stream }: StreamCallOptions = {},
  ): AsyncIterable<ItemOf<S>, void> {
    const { door } = this.link;
    const iterate = () =>
      new TaskIterator<ItemOf<S>>(
        (send) => this.#portal.openStreamFrom(source, args, (items) => forEachItem(items, send), stream),
        (body) => door.start(`stream from ${this.actor.name}`, body, { signal, timeoutMs }),
      );
    return { [Symbol.asyncIterator]: iterate };
  }

  /**
   * The items of a source in the actor as an observable; each subscription asks for them anew, and runs as a task of the
   * guest. To unsubscribe cancels the source over there; `finalized()` of what is returned waits until it has ended.
   *
   * @throws (as error notification) as `observe`
   */
  observe<S extends Source>(
    source: S,
    args: ArgsOfSource<S>,
    options: Omit<ObserveOptions, "within"> = {},
  ): TaskObservable<ItemOf<S>> {
    return observe(this.#portal, source, args, { ...options, within: this.link.door.nursery });
  }

  /**
   * Start a context endpoint in the actor; resolves once it has given its first value. Hold it with `await using`.
   *
   * @throws (as rejection) RemoteActorError with what the endpoint threw; the signal's reason; GuestClosed; as
   *   `portal.openContext` of an operation
   */
  openContext<A, D extends Dialog, R>(
    endpoint: ContextEndpoint<A, D, R, Dialog, unknown>,
    args: A,
    options: PromiseContextOptions = {},
  ): Promise<PromiseContext<D, R>> {
    return PromiseContext.open(this.link, this.#portal, endpoint, args, options);
  }

  /**
   * Cancel the whole actor. Resolves once its process has ended, if it was started from here; else when it has
   * acknowledged.
   *
   * @throws (as rejection) ActorTooSlowError if the acknowledgement does not come in time and `raiseOnTimeout` is set
   */
  async cancelActor(options: CancelActorOptions = {}): Promise<void> {
    const portal = this.#portal;
    await this.link.door.run(`cancel ${this.actor.name}`, function* () {
      yield* portal.cancelActor(options);
      yield* portal.gone();
    });
  }
}

/** An actor that this guest has started. `await using` cancels it, and waits until its process has ended. */
export class StartedActor extends PromisePortal implements AsyncDisposable {
  async [Symbol.asyncDispose](): Promise<void> {
    // The guest's end is that of its actors.
    if (this.link.door.closedBy === undefined) await this.cancelActor({ reason: "its handle was disposed of" });
  }
}

/** A portal with a connection of its own. `await using` closes that, and leaves the actor as it is. */
export class PeerPortal extends PromisePortal implements AsyncDisposable {
  readonly #connection: DoorTask<void>;

  private constructor(portal: Portal, link: GuestLink, connection: DoorTask<void>) {
    super(portal, link);
    this.#connection = connection;
  }

  /** @internal */
  static open(link: GuestLink, address: string, options: PeerOptions): Promise<PeerPortal> {
    return new Promise((resolve, reject) => {
      const connection = link.door.start(`portal to ${address}`, () =>
        openPortalTo(
          address,
          (portal) => {
            resolve(new PeerPortal(portal, link, connection));
            return sleepForever() as Operation<never>;
          },
          options,
        ),
      );
      connection.ended.catch(reject);
    });
  }

  /** Close the connection. What is called through it is told that it is lost. */
  async close(): Promise<void> {
    this.#connection.cancel("the portal was closed");
    // The guest's end is that of its connections.
    await this.#connection.ended.catch((error: unknown) => {
      if (error !== this.link.door.closedBy) throw error;
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
