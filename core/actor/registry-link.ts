/**
 * How a root takes part in the registry of another program: it says who is in its tree over one connection, with which
 * those entries go, and asks over the same. A registrar that is lost is looked for until it is there again.
 */
import type { Operation } from "effection";
import type { ActorId } from "../actor-id.ts";
import { ConnectError, isCancelled, ListenError, RegistrarUnavailable } from "../errors/mod.ts";
import { fileAt } from "../ipc/dead-socket.ts";
import { journal } from "../log/mod.ts";
import { Deferred } from "../sc/deferred.ts";
import { sleep, sleepForever } from "../sc/sleep.ts";
import { moveOnAfter, shielded } from "../sc/timeouts.ts";
import { type Address, formatAddress, parseAddress } from "../wire/mod.ts";
import type { Actor } from "./actor.ts";
import { AskedDirectory } from "./asked-directory.ts";
import type { Asking, WatchBody } from "./directory.ts";
import { LEAVE_TIMEOUT_MS, MAX_REGISTRAR_ATTEMPTS, REGISTRAR_RETRY_MS } from "./limits.ts";
import { listenForPeers, openPeerChannel } from "./peers.ts";
import { PlainRegistrar } from "./plain-registrar.ts";
import { type RegisteredActor, reachableFrom, unavailable } from "./registered-actor.ts";
import type { Joined, Registrar } from "./registrar.ts";
import { watchAt } from "./watch-at.ts";

export class RegistryLink implements Joined {
  readonly address: string;
  readonly #actor: Actor;
  readonly #registrar: Registrar;
  /** What it leads to, while it does. */
  #there: Asking | undefined;
  /** The same, where what is said is heard at once. */
  #told: AskedDirectory | undefined;
  #plain: PlainMembers | undefined;
  #back = new Deferred<void>("a registrar", true);
  /** Whether the first attempt has come to anything. */
  readonly first = new Deferred<"joined" | "serving">("a registrar", true);

  /** @param address - a multiaddr */
  constructor(actor: Actor, registrar: Registrar, address: string) {
    this.address = formatAddress(parseAddress(address));
    this.#actor = actor;
    this.#registrar = registrar;
  }

  /** Join, and join again when the registrar was lost, until cancelled. Its failures are told by `first`, and by the log. */
  *keep(): Operation<never> {
    this.#registrar.add(this);
    for (;;) {
      yield* this.#joinOnce();
      yield* sleep(REGISTRAR_RETRY_MS);
    }
  }

  /** Be the registrar at the address, or else join the one there, until cancelled. */
  *ensure(): Operation<void> {
    let attempts = 0;
    for (;;) {
      try {
        yield* this.#serve();
      } catch (error) {
        if (isCancelled(error)) throw error;
        if (!isInUse(error)) {
          if (this.first.reject(error)) return;
          journal.write("warn", "registrar.unavailable", `could not take over ${this.address}`, { error });
        }
      }
      this.#registrar.add(this);
      const before = this.first.result;
      const error = yield* this.#joinOnce(attempts < MAX_REGISTRAR_ATTEMPTS);
      this.#registrar.remove(this);
      // Whoever was there has gone meanwhile, and the place may be free.
      attempts = before === this.first.result && error !== undefined ? attempts + 1 : 0;
      if (attempts > 0) yield* sleep(REGISTRAR_RETRY_MS / MAX_REGISTRAR_ATTEMPTS);
    }
  }

  *#serve(): Operation<void> {
    const service = yield* this.#actor.household.service();
    const wanted = parseAddress(this.address);
    yield* listenForPeers(
      this.#actor,
      service,
      [wanted],
      function* (this: RegistryLink, bound: readonly ReturnType<typeof parseAddress>[]): Operation<void> {
        this.#actor.addresses = [...new Set([...bound.map(formatAddress), ...this.#actor.addresses])];
        journal.write("runtime", "registrar.serving", `is the registrar at ${this.address}`);
        this.first.resolve("serving");
        yield* this.#whileOurs(wanted);
        journal.write(
          "warn",
          "registrar.replaced",
          `its socket at ${this.address} was removed, or replaced; it looks who is there`,
        );
      }.bind(this),
    );
  }

  /**
   * Wait until the socket's file is another than now: then others do not find this one, and may have one of their own. It
   * goes when this one stops listening, for the host removes whatever is at the path; they look again, as this one does.
   */
  *#whileOurs(address: Address): Operation<void> {
    if (address.transport !== "unix") return yield* sleepForever();
    const file = fileAt(address.path);
    while (fileAt(address.path) === file) yield* sleep(REGISTRAR_RETRY_MS);
  }

  /**
   * Join, and stay until the registrar has gone.
   *
   * @param mayRetry - whether that nobody is there is no failure of the first attempt
   */
  *#joinOnce(mayRetry = false): Operation<Error | undefined> {
    const gone = new Deferred<void>("the end of a registrar", true);
    try {
      const serve = this.#actor.household.forRegistrars.serve;
      // At once, before those who ask there are told: they are to see that it has gone.
      const closed = () => {
        if (this.#told !== undefined) this.#down();
        gone.resolve();
      };
      const channel = yield* openPeerChannel(this.#actor, this.address, { serve, closed });
      try {
        if (channel.isPlain) {
          channel.destroy("it is a plain one, and is asked over other connections");
          yield* this.#joinPlain();
        } else {
          const asked = new AskedDirectory(channel);
          this.#told = asked;
          yield* asked.enter(this.#registrar.ownTree);
          this.#up(asked);
          yield* gone.wait();
        }
      } finally {
        channel.destroy("the registrar is left");
        this.#down();
      }
      journal.write("warn", "registrar.lost", `the registrar at ${this.address} has gone; it is looked for`);
      return undefined;
    } catch (cause) {
      if (isCancelled(cause) || !(cause instanceof Error)) throw cause;
      const error = unavailable(this.address, cause);
      if (!(mayRetry && cause instanceof ConnectError)) this.first.reject(error);
      return error;
    }
  }

  *#joinPlain(): Operation<void> {
    const members = new PlainMembers(new PlainRegistrar(this.#actor, this.address));
    this.#plain = members;
    for (const actor of this.#registrar.ownTree) members.wanted(actor);
    try {
      this.#up(members.registrar);
      yield* members.keep();
    } finally {
      this.#plain = undefined;
      yield* shielded(() => moveOnAfter(LEAVE_TIMEOUT_MS, () => members.unregisterAll(this.address)));
    }
  }

  #up(there: Asking): void {
    journal.write("runtime", "registrar.joined", `takes part in the registry at ${this.address}`);
    this.#there = there;
    this.first.resolve("joined");
    this.#back.resolve();
  }

  #down(): void {
    if (this.#there !== undefined) this.#back = new Deferred("a registrar", true);
    this.#there = undefined;
    this.#told = undefined;
  }

  // ------------------------------------------------------------------------------------------------------------ Joined

  join(actors: readonly RegisteredActor[]): void {
    this.#told?.join(actors);
    for (const actor of actors) this.#plain?.wanted(actor);
  }

  leave(uuids: readonly string[]): void {
    this.#told?.leave(uuids);
    for (const uuid of uuids) this.#plain?.unwanted(uuid);
  }

  *lookUp(name: string | undefined, enough: "one" | "all"): Operation<readonly RegisteredActor[]> {
    const found = yield* this.#ask((there) => there.lookUp(name, enough));
    return found.map((actor) => this.#reachable(actor));
  }

  *locate(actor: ActorId): Operation<readonly string[]> {
    return reachableFrom(this.address, yield* this.#ask((there) => there.locate(actor)));
  }

  *evict(actor: ActorId, addresses: readonly string[]): Operation<void> {
    yield* this.#ask((there) => there.evict(actor, addresses));
  }

  /** Also while the registrar is lost: it may come back, and the actor with it. */
  *waitFor(name: string, except: readonly string[]): Operation<RegisteredActor> {
    for (;;) {
      yield* this.untilBack();
      try {
        return this.#reachable(yield* this.#ask((there) => there.waitFor(name, except)));
      } catch (error) {
        if (!(error instanceof RegistrarUnavailable && this.#there === undefined)) throw error;
      }
    }
  }

  *watch<T>(body: WatchBody<T>): Operation<T> {
    return yield* watchAt(this.address, body, (named) => this.#ask((there) => there.watch(named)));
  }

  untilBack(): Operation<void> {
    return this.#back.wait();
  }

  *#ask<T>(ask: (there: Asking) => Operation<T>): Operation<T> {
    if (this.#there === undefined) {
      throw new RegistrarUnavailable(this.address, "it has gone, and is looked for; wait, or start it again");
    }
    try {
      return yield* ask(this.#there);
    } catch (error) {
      throw error instanceof Error ? unavailable(this.address, error) : error;
    }
  }

  #reachable(actor: RegisteredActor): RegisteredActor {
    return { ...actor, addresses: reachableFrom(this.address, actor.addresses) };
  }
}

function isInUse(error: unknown): boolean {
  return error instanceof ListenError && error.cause instanceof Error && "code" in error.cause
    ? error.cause.code === "EADDRINUSE"
    : false;
}

/** Actors that a plain registrar is to know, and those that it does: said one after the other, by a task. */
class PlainMembers {
  readonly registrar: PlainRegistrar;
  readonly #wanted = new Map<string, RegisteredActor>();
  readonly #registered = new Map<string, RegisteredActor>();
  #changed = new Deferred<void>("a change in this tree", true);

  constructor(registrar: PlainRegistrar) {
    this.registrar = registrar;
  }

  wanted(actor: RegisteredActor): void {
    this.#wanted.set(actor.actor.uuid, actor);
    this.#changed.resolve();
  }

  /** It has gone, and with it all below it. */
  unwanted(uuid: string): void {
    for (const { actor, path } of [...this.#wanted.values()]) {
      if (actor.uuid === uuid || path.some((above) => above.uuid === uuid)) this.#wanted.delete(actor.uuid);
    }
    this.#changed.resolve();
  }

  *keep(): Operation<never> {
    for (;;) {
      this.#changed = new Deferred("a change in this tree", true);
      for (const [uuid, actor] of this.#wanted) {
        if (this.#registered.get(uuid) === actor) continue;
        this.#registered.set(uuid, actor);
        yield* this.registrar.register(actor);
      }
      for (const [uuid, { actor }] of this.#registered) {
        if (this.#wanted.has(uuid)) continue;
        this.#registered.delete(uuid);
        yield* this.registrar.unregister(actor);
      }
      yield* this.#changed.wait();
    }
  }

  *unregisterAll(address: string): Operation<void> {
    try {
      for (const { actor } of this.#registered.values()) yield* this.registrar.unregister(actor);
    } catch (error) {
      if (isCancelled(error)) throw error;
      journal.write("warn", "registrar.unavailable", `could not leave the registrar at ${address}`, { error });
    }
  }
}
