/** From a name to a portal: who goes by it, how it is reached, and what becomes of an entry that leads to nobody. */
import type { Operation } from "effection";
import { type ActorId, formatActorId } from "../actor-id.ts";
import { ActorNotFound, isCancelled, ProtocolError, TransportClosed } from "../errors/mod.ts";
import type { Channel } from "../rpc/channel.ts";
import type { EnabledModules } from "../rpc/function-name.ts";
import { Portal } from "../rpc/portal.ts";
import type { Actor } from "./actor.ts";
import type { Asking } from "./directory.ts";
import { type Connect, Unreachable } from "./peer-links.ts";
import { openPeerChannel } from "./peers.ts";
import { byPreference, distanceOf, type RegisteredActor } from "./registered-actor.ts";
import { openSelfPortal } from "./self-portal.ts";

/** One look-up by one name. */
export class Finding {
  readonly #actor: Actor;
  readonly #name: string;
  readonly #directory: Asking;
  readonly #modules: EnabledModules;
  readonly #isOwnTree: boolean;
  /** Those that could not be reached, and the last reason. */
  readonly unreachable: ActorId[] = [];
  lastError: unknown;

  /** @param isOwnTree - whether those near by are meant too, and not only those that `directory` knows */
  constructor(actor: Actor, name: string, directory: Asking, modules: EnabledModules, isOwnTree: boolean) {
    this.#isOwnTree = isOwnTree;
    this.#actor = actor;
    this.#name = name;
    this.#directory = directory;
    this.#modules = modules;
  }

  /** Run `body` with the first one that can be reached; undefined, and `body` not run, if none can. */
  *useFirst<T>(body: (portal: Portal) => Operation<T>): Operation<{ readonly value: T } | undefined> {
    const near = yield* this.useNear(body);
    if (near !== undefined) return near;
    for (const record of preferred(yield* this.#directory.lookUp(this.#name, "one"))) {
      const used = yield* this.use(record, body);
      if (used !== undefined) return used;
    }
    return undefined;
  }

  /** The same among those to which there is a connection: this actor itself, its children, peers that are in use. */
  *useNear<T>(body: (portal: Portal) => Operation<T>): Operation<{ readonly value: T } | undefined> {
    if (!this.#isOwnTree) return undefined;
    const { id, children, household } = this.#actor;
    if (id.name === this.#name) return { value: yield* openSelfPortal(body) };
    for (const { portal, channel } of children.values()) {
      if (portal.actor.name === this.#name && channel.closedBy === undefined) return { value: yield* body(portal) };
    }
    for (const peer of household.peers.named(this.#name)) {
      const nobody = { actor: peer, pid: undefined, addresses: [], path: [], holdsName: false };
      const used = yield* this.use(nobody, body);
      if (used !== undefined) return used;
    }
    return undefined;
  }

  /** As `useFirst`, with the next one that there is or comes to be beside those that could not be reached. */
  *useNext<T>(body: (portal: Portal) => Operation<T>): Operation<{ readonly value: T } | undefined> {
    const except = this.unreachable.map(({ uuid }) => uuid);
    return yield* this.use(yield* this.#directory.waitFor(this.#name, except), body);
  }

  /** The same with this one. Where it cannot be reached the registrar is told. */
  *use<T>(
    record: RegisteredActor,
    body: (portal: Portal) => Operation<T>,
  ): Operation<{ readonly value: T } | undefined> {
    const child = this.#actor.children.get(record.actor.uuid);
    if (child !== undefined) return { value: yield* body(child.portal) };
    if (record.actor.uuid === this.#actor.id.uuid) return { value: yield* openSelfPortal(body) };
    const tried: string[] = [];
    const { peers } = this.#actor.household;
    try {
      return yield* peers.use(
        keyOf(record),
        this.connecting(record, tried),
        function* (this: Finding, channel: Channel) {
          const peer = channel.peer?.id ?? record.actor;
          return { value: yield* body(new Portal(peer, channel, this.#modules, { addresses: record.addresses })) };
        }.bind(this),
      );
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      this.unreachable.push(record.actor);
      this.lastError = error.cause;
      yield* this.#directory.evict(record.actor, tried);
      return undefined;
    }
  }

  /**
   * A portal to this one, which is good until `leave` is called.
   *
   * @throws ActorNotFound if it cannot be reached; the registrar is told
   */
  *keep(record: RegisteredActor): Operation<{ readonly portal: Portal; readonly leave: () => void }> {
    const near = this.#actor.children.get(record.actor.uuid);
    if (near !== undefined) return { portal: near.portal, leave: () => {} };
    const tried: string[] = [];
    const { made, leave } = this.#actor.household.peers.hold(keyOf(record), this.connecting(record, tried));
    try {
      const channel = yield* made.wait();
      const portal = new Portal(record.actor, channel, this.#modules, { addresses: record.addresses });
      return { portal, leave };
    } catch (error) {
      leave();
      if (!(error instanceof Unreachable)) throw error;
      yield* this.#directory.evict(record.actor, tried);
      throw notFound(this.#name, [record.actor], error.cause);
    }
  }

  /** How to connect to an actor; what it finds is kept in `tried`. */
  connecting(record: RegisteredActor, tried: string[]): Connect {
    const [actor, directory] = [this.#actor, this.#directory];
    return function* (closed) {
      const known = record.addresses;
      tried.push(...byPreference(known.length > 0 ? known : yield* directory.locate(record.actor)));
      let last: unknown = new TransportClosed(record.actor, "it listens nowhere, or has ended");
      for (const address of tried) {
        try {
          const channel = yield* openPeerChannel(actor, address, { closed });
          const found = channel.peer?.id;
          if (found === undefined || record.actor.uuid === "" || found.uuid === record.actor.uuid) return channel;
          channel.destroy("it is another actor than was looked for");
          last = new ProtocolError(`at ${address} there is ${formatActorId(found)} by now`);
        } catch (error) {
          if (isCancelled(error)) throw error;
          last = error;
        }
      }
      throw last;
    };
  }
}

function keyOf({ actor, addresses }: RegisteredActor): string {
  return actor.uuid === "" ? addresses.join(" ") : actor.uuid;
}

/** Those that hold their name, and then those that are the cheapest to reach; else in the order of their entry. */
export function preferred(records: readonly RegisteredActor[]): RegisteredActor[] {
  // Who does not listen yet will listen on a Unix socket.
  const distance = ({ addresses }: RegisteredActor) =>
    Math.min(...(addresses.length === 0 ? [0] : addresses.map(distanceOf)));
  return [...records].sort((a, b) => Number(b.holdsName) - Number(a.holdsName) || distance(a) - distance(b));
}

/** It is there by the registrar's word, and by that alone. */
export function notFound(name: string, unreachable: readonly ActorId[], cause: unknown): ActorNotFound {
  const why = cause instanceof Error ? cause.message : String(cause);
  const what = `it is registered and cannot be reached (${why}); the registrar has been told`;
  return new ActorNotFound(name, what, unreachable, { cause });
}
