/**
 * A whole actor inside a Promise program that owns the process: an HTTP server, a test, a command line. The program keeps
 * its signals, its event loop and its end; what runs in the guest ends with it. The idea is trio's guest mode, and
 * tractor's "infected" actors seen from the other side.
 */
import { inspect } from "node:util";
import type { Operation } from "effection";
import {
  type Actor,
  type ActorNursery,
  type ActorNurseryOptions,
  type ActorOptions,
  CancelScope,
  type Disarm,
  formatTaskTree,
  isCancelled,
  type Nursery,
  openActorNursery,
  openNursery,
  openRootActor,
  type PeerOptions,
  type Portal,
  type RootOptions,
  realClock,
  reportWarning,
  run,
  sleepForever,
  userFrame,
} from "../core/mod.ts";
import { GuestClosed, GuestTooSlow } from "./errors.ts";
import { SLOW_CLOSE_MS } from "./limits.ts";
import { type GuestLink, PeerPortal, PromisePortal, StartedActor } from "./promise-portal.ts";
import { type CallOptions, ownErrors, TaskDoor } from "./task-door.ts";
import { UnseenFailures } from "./unseen-failures.ts";

export interface GuestRunOptions
  extends Omit<RootOptions, "startedAt">,
    Pick<ActorNurseryOptions, "warm" | "teardown" | "onTeardown"> {
  /** Closes the guest when it aborts. */
  readonly signal?: AbortSignal | undefined;
}

export interface GuestCloseOptions {
  /** Milliseconds after which the promise is rejected with `GuestTooSlow`; for ever unless told. */
  readonly timeoutMs?: number | undefined;
}

/** What a guest does of itself; it is given the nursery of the guest's actors. */
export type GuestMain<T> = (actors: ActorNursery) => Operation<T>;

/**
 * Boot the root actor of a tree beneath a Promise program, and resolve once it is up. It takes no signals, installs no
 * handlers, and does not keep the process alive unless it has children. Without `main` it runs until it is closed; with
 * it, until `main` has returned and its actors have ended.
 *
 * @throws (as rejection) AlreadyAnActor if this process is one, saying where that was started
 * @throws (as rejection) TypeError, RangeError, ListenError as `openRootActor`; the signal's reason if it is aborted
 */
export async function startGuestRun(options?: GuestRunOptions): Promise<GuestRun<undefined>>;
export async function startGuestRun<T>(main: GuestMain<T>, options?: GuestRunOptions): Promise<GuestRun<T>>;
export async function startGuestRun(
  first: GuestMain<unknown> | GuestRunOptions = {},
  second: GuestRunOptions = {},
): Promise<GuestRun<unknown>> {
  const startedAt = userFrame();
  const [main, options] = typeof first === "function" ? [first, second] : [undefined, first];
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`startGuestRun(main, options): options are an object, got ${String(options)}`);
  }
  options.signal?.throwIfAborted();
  return await GuestRun.start(main, options, startedAt);
}

/** A running guest. `await using` closes it, and throws what it has failed with. */
export class GuestRun<T = undefined> implements AsyncDisposable {
  readonly actor: Actor;
  readonly #scope: CancelScope;
  readonly #calls: Nursery;
  readonly #actors: ActorNursery;
  readonly #link: GuestLink;
  readonly #controller = new AbortController();
  readonly #outcome: Promise<T | undefined>;
  /** Whether anybody will hear of its failure. */
  #isWatched = false;
  #hasEnded = false;

  private constructor(
    { actor, calls, actors }: { actor: Actor; calls: Nursery; actors: ActorNursery },
    scope: CancelScope,
    outcome: Promise<T | undefined>,
  ) {
    this.actor = actor;
    this.#scope = scope;
    this.#calls = calls;
    this.#actors = actors;
    this.#outcome = outcome;
    this.#link = { door: new TaskDoor(calls, () => this.#whyClosed()), unseen: new UnseenFailures() };
    const { signal } = calls.cancelScope;
    signal.addEventListener("abort", () => this.#ending(signal.reason), { once: true });
  }

  /** @internal */
  static start<T>(main: GuestMain<T> | undefined, options: GuestRunOptions, startedAt: string | undefined) {
    const { warm, teardown, onTeardown, signal, ...root } = options;
    return new Promise<GuestRun<T>>((resolve, reject) => {
      let guest: GuestRun<T> | undefined;
      const scope = new CancelScope();
      const live = (actor: Actor) =>
        openActorNursery(
          (actors) =>
            ownErrors(
              openNursery(
                (calls) => {
                  guest = new GuestRun<T>({ actor, calls, actors }, scope, outcome);
                  resolve(guest);
                  return main === undefined ? (sleepForever() as Operation<never>) : main(actors);
                },
                { name: `calls of ${actor.name}` },
              ),
            ),
          { ...(warm !== undefined && { warm }), ...(teardown && { teardown }), ...(onTeardown && { onTeardown }) },
        );
      const outcome = run(() => scope.run(() => openRootActor(live, { ...root, startedAt })), {
        name: options.name ?? "root",
      });
      const onAbort = () => scope.cancel(`the given signal was aborted: ${String(signal?.reason)}`);
      signal?.addEventListener("abort", onAbort, { once: true });
      const ended = (failure?: { readonly error: unknown }) => {
        signal?.removeEventListener("abort", onAbort);
        if (guest !== undefined) guest.#ended(failure);
        else reject(failure === undefined ? signal?.reason : failure.error);
      };
      outcome.then(
        () => ended(),
        (error: unknown) => ended({ error }),
      );
    });
  }

  get name(): string {
    return this.actor.name;
  }

  /** Where it listens for peers, as multiaddrs. */
  get addresses(): readonly string[] {
    return this.actor.addresses;
  }

  /** Aborted when the guest begins to end, with `GuestClosed` as its reason: for the host to end as well. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /**
   * How the guest comes out, once all of it has ended: what `main` has returned; undefined if it was closed. Rejected with
   * an `ExceptionGroup` of all that failed. A failure that nobody has asked for by the time it happens, here or with
   * `close`, is a process warning of type `GuestRunFailed`, and no unhandled rejection.
   */
  get closed(): Promise<T | undefined> {
    this.#isWatched = true;
    // Its own each time: one that nobody handles is then an unhandled rejection, as any other.
    return this.#outcome.then((value) => value);
  }

  /**
   * Run an operation as a task of the guest. Its error is the caller's, and not the guest's.
   *
   * @throws (as rejection) the signal's reason, or TooSlowError, once the operation has unwound
   * @throws (as rejection) what the operation throws; GuestClosed if the guest has ended, or ends meanwhile
   */
  async run<V>(op: () => Operation<V>, options?: CallOptions): Promise<V> {
    if (typeof op !== "function") {
      throw new TypeError(`guest.run(op) takes a generator function that makes an operation, got ${typeof op}`);
    }
    return await this.#link.door.run(op.name || "guest.run", () => operationOf(op), options);
  }

  /**
   * Start `fn(...args)` as a task that nobody waits for; its failure is the guest's.
   *
   * @throws GuestClosed if the guest has ended
   */
  startSoon<A extends unknown[]>(fn: (...args: A) => Operation<unknown>, ...args: A): void {
    const closed = this.#link.door.closedBy;
    if (closed !== undefined) throw closed;
    this.#calls.startSoon(fn, ...args);
  }

  /**
   * Start a child actor; resolves when it serves. It lives until it is cancelled, or the guest ends; its death is the
   * guest's failure. The signal bounds the start alone.
   *
   * @throws (as rejection) ActorSpawnError if it does not come up; TypeError, RangeError for a bad option
   */
  async startActor(name: string, options: ActorOptions & CallOptions = {}): Promise<StartedActor> {
    const { signal, timeoutMs, ...actor } = options;
    const start = () => this.#actors.startActor(name, actor);
    return new StartedActor(await this.#link.door.run(`start ${name}`, start, { signal, timeoutMs }), this.#link);
  }

  /**
   * Connect to the actor that listens on `address`, a multiaddr. The connection lasts until the portal is closed, or the
   * guest ends.
   *
   * @throws (as rejection) RangeError for what is no address; ConnectError, TransportClosed as `openPortalTo`
   */
  openPortalTo(address: string, options: PeerOptions = {}): Promise<PeerPortal> {
    return PeerPortal.open(this.#link, address, options);
  }

  /** A portal that an operation has, for Promise code. */
  portal(portal: Portal): PromisePortal {
    return new PromisePortal(portal, this.#link);
  }

  /**
   * Cancel everything in the guest, and wait until it has ended. What holds that up is reported after `SLOW_CLOSE_MS`.
   *
   * @throws (as rejection) what the guest has failed with, or fails with while it ends
   * @throws (as rejection) GuestTooSlow if `timeoutMs` is given and over; the guest goes on ending
   */
  async close(reason = "guest.close() was called", { timeoutMs }: GuestCloseOptions = {}): Promise<void> {
    if (timeoutMs !== undefined && !(timeoutMs >= 0)) throw new RangeError(`timeoutMs must be >= 0, got ${timeoutMs}`);
    this.#scope.cancel(reason);
    const disarm: Disarm[] = [
      this.#after(SLOW_CLOSE_MS, (slow) => reportWarning({ type: slow.name, message: slow.message })),
    ];
    const tooSlow = new Promise<never>((_, reject) => {
      if (timeoutMs !== undefined) disarm.push(this.#after(timeoutMs, reject));
    });
    try {
      await Promise.race([this.closed, tooSlow]);
    } finally {
      for (const off of disarm) off();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close("guest was disposed of");
  }

  #after(ms: number, then: (slow: GuestTooSlow) => void): Disarm {
    if (this.#hasEnded) return () => {};
    return realClock.at(realClock.now() + ms, () => then(new GuestTooSlow(this.name, ms, formatTaskTree())));
  }

  #whyClosed(): unknown {
    return this.signal.reason ?? new GuestClosed(this.name, "it has come to its end");
  }

  /** @param why - the `Cancelled` that unwinds it */
  #ending(why: unknown): void {
    const reason = isCancelled(why) ? why.reason : String(why);
    const failure = isCancelled(why) ? why.cause : why;
    this.#controller.abort(new GuestClosed(this.name, reason, failure === undefined ? undefined : { cause: failure }));
  }

  #ended(failure?: { readonly error: unknown }): void {
    this.#hasEnded = true;
    if (!this.signal.aborted) this.#controller.abort(this.#whyClosed());
    this.#link.unseen.reportAll();
    // Whoever has just been given the guest may ask for its end as the next thing.
    if (failure !== undefined) setImmediate(() => this.#reportUnwatched(failure.error));
  }

  #reportUnwatched(error: unknown): void {
    if (this.#isWatched) return;
    const message = `guest run "${this.name}" has failed, and nobody waits for guest.closed: ${String(error)}`;
    reportWarning({ type: "GuestRunFailed", message, error, detail: inspect(error) });
  }
}

function operationOf<V>(op: () => Operation<V>): Operation<V> {
  const made: unknown = op();
  if (typeof made === "object" && made !== null && Symbol.iterator in made) return made as Operation<V>;
  const what = made instanceof Promise ? "a promise" : typeof made;
  throw new TypeError(
    `guest.run(op): "${op.name}" made ${what}, and not an operation; give a generator function, and inside it call Promise code with runTask`,
  );
}
