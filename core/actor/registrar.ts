/**
 * The directory of a tree, in its root. Actors below are registered by their parents; those of other programs by a
 * connection, with which they go; those of plain peers, which connect for that alone, by nothing: they stay until they
 * are taken back, or could not be reached once. What the registrars know that this root has joined counts as well.
 */
import type { Operation } from "effection";
import type { ActorId } from "../actor-id.ts";
import { BusyResourceError } from "../errors/mod.ts";
import type { Channel } from "../rpc/channel.ts";
import { Deferred } from "../sc/deferred.ts";
import { moveOnAfter } from "../sc/timeouts.ts";
import type { Actor } from "./actor.ts";
import { ActorEvents, EventRing } from "./actor-events.ts";
import { AskedDirectory } from "./asked-directory.ts";
import type { ClaimBody, Directory, WatchBody } from "./directory.ts";
import type { Registering } from "./directory-functions.ts";
import { HOLDER_GONE_TIMEOUT_MS, MAX_REGISTERED_ACTORS } from "./limits.ts";
import { listenAt } from "./listen-at.ts";
import { NameClaims } from "./name-claims.ts";
import type { RegisteredActor } from "./registered-actor.ts";
import { Registry } from "./registry.ts";
import { SeveralDirectories } from "./several-directories.ts";

/** Who answers for this tree's own actors. */
const OWN_TREE = Object.freeze({ source: "this tree" });
/** Of actors that nobody answers for. */
const PLAIN_PEERS = Object.freeze({ source: "plain peers" });

/** The directory of another program that this root has joined. */
export interface Joined extends Omit<Directory, "claim"> {
  readonly address: string;
}

export class Registrar implements Directory, Registering {
  readonly #actor: Actor;
  readonly #registry = new Registry();
  readonly #claims = new NameClaims();
  readonly #joined = new Set<Joined>();

  constructor(actor: Actor) {
    this.#actor = actor;
    const own = { actor: actor.id, pid: process.pid, addresses: [], path: [], holdsName: false };
    this.#registry.join(own, OWN_TREE);
  }

  /** Actors of this tree, the root first. */
  get ownTree(): RegisteredActor[] {
    return this.#registry.find().filter(({ actor }) => this.#registry.get(actor.uuid)?.source === OWN_TREE);
  }

  /** Where the root itself listens has changed. */
  rootMoved(addresses: readonly string[]): void {
    this.#registry.relocate(this.#actor.id.uuid, addresses);
    for (const joined of this.#joined) joined.join(this.ownTree.slice(0, 1));
  }

  /** From now on what `joined` knows counts too. */
  add(joined: Joined): void {
    this.#joined.add(joined);
  }

  remove(joined: Joined): void {
    this.#joined.delete(joined);
  }

  // ------------------------------------------------------------------------------------------------------ registering

  join(actors: readonly RegisteredActor[], channel?: Channel): void {
    if (channel !== undefined) this.#mustHaveRoom(actors.length);
    for (const actor of actors) this.#registry.join(actor, channel ?? OWN_TREE);
    if (channel === undefined) for (const joined of this.#joined) joined.join(actors);
  }

  leave(uuids: readonly string[], channel?: Channel): void {
    if (channel === undefined) {
      for (const uuid of uuids) this.#registry.leave(uuid, OWN_TREE);
      for (const joined of this.#joined) joined.leave(uuids);
      return;
    }
    for (const uuid of uuids) {
      const source = this.#registry.get(uuid)?.source;
      if (source === channel || source === PLAIN_PEERS) this.#registry.leave(uuid, source);
    }
  }

  registerPlain(actor: ActorId, address: string): void {
    this.#mustHaveRoom(1);
    const known = this.#registry.get(actor.uuid);
    const before = known?.source === PLAIN_PEERS ? known.record.addresses : [];
    const addresses = [...new Set([...before, address])].slice(-MAX_PLAIN_ADDRESSES);
    this.#registry.join({ actor, pid: undefined, addresses, path: [], holdsName: false }, PLAIN_PEERS);
  }

  /** Those of this tree are as many as its processes; others only say that they are there. */
  #mustHaveRoom(count: number): void {
    if (this.#registry.size + count <= MAX_REGISTERED_ACTORS) return;
    throw new BusyResourceError(`${MAX_REGISTERED_ACTORS} actors are registered; no more are taken`);
  }

  /** Who was registered over this connection has gone, or cannot be told to listen any more. */
  disconnected(channel: Channel): void {
    this.#registry.leaveAllOf(channel);
  }

  // ----------------------------------------------------------------------------------------------------------- asking

  *lookUp(name: string | undefined, enough: "one" | "all"): Operation<readonly RegisteredActor[]> {
    const own = this.#registry.find(name);
    if (this.#joined.size === 0 || (enough === "one" && own.length > 0)) return own;
    const others = yield* new SeveralDirectories([...this.#joined]).lookUp(name, enough, own.length > 0);
    const known = new Set(own.map(({ actor }) => actor.uuid));
    return [...own, ...others.filter(({ actor }) => !known.has(actor.uuid))];
  }

  *locate(actor: ActorId): Operation<readonly string[]> {
    const known = this.#registry.get(actor.uuid);
    if (known === undefined) {
      return this.#joined.size === 0 ? [] : yield* new SeveralDirectories([...this.#joined]).locate(actor);
    }
    const { record, source } = known;
    if (record.addresses.length > 0) return record.addresses;
    // From the root of its tree, which is here or at the other end, from child to child.
    const path = record.path.length === 0 ? [] : [...record.path.slice(1), actor].map(({ uuid }) => uuid);
    let addresses: readonly string[] = [];
    if (source === OWN_TREE) addresses = yield* listenAt(this.#actor, path);
    else if (source !== PLAIN_PEERS) addresses = yield* new AskedDirectory(source as Channel).listen(path);
    if (addresses.length > 0) this.#registry.relocate(actor.uuid, addresses);
    return addresses;
  }

  *evict(actor: ActorId, addresses: readonly string[]): Operation<void> {
    const known = this.#registry.get(actor.uuid);
    if (known === undefined) {
      if (this.#joined.size > 0) yield* new SeveralDirectories([...this.#joined]).evict(actor, addresses);
      return;
    }
    const left = known.record.addresses.filter((address) => !addresses.includes(address));
    // Who answers for it says when it has gone; until then it may be asked anew where it listens.
    if (known.source === PLAIN_PEERS && left.length === 0) this.#registry.leave(actor.uuid, PLAIN_PEERS);
    else if (actor.uuid !== this.#actor.id.uuid) this.#registry.relocate(actor.uuid, left);
  }

  *waitFor(name: string, except: readonly string[]): Operation<RegisteredActor> {
    if (this.#joined.size === 0) return yield* this.#waitHere(name, except);
    const here = { waitFor: (n: string, not: readonly string[]) => this.#waitHere(n, not) };
    return yield* new SeveralDirectories([...this.#joined]).waitFor(name, except, [here]);
  }

  *#waitHere(name: string, except: readonly string[]): Operation<RegisteredActor> {
    const isMeant = ({ actor }: RegisteredActor) => actor.name === name && !except.includes(actor.uuid);
    const there = this.#registry.find(name).find(isMeant);
    if (there !== undefined) return there;
    const found = new Deferred<RegisteredActor>(`an actor named "${name}"`, true);
    const stop = this.#registry.listen(({ type, actor }) => {
      if (type === "joined" && isMeant(actor)) found.resolve(actor);
    });
    try {
      return yield* found.wait();
    } finally {
      stop();
    }
  }

  *watch<T>(body: WatchBody<T>): Operation<T> {
    if (this.#joined.size === 0) return yield* this.#watchHere(body);
    const here = { watch: <R>(b: WatchBody<R>) => this.#watchHere(b) };
    return yield* new SeveralDirectories([...this.#joined]).watch(body, here, this.#actor.id.uuid);
  }

  *#watchHere<T>(body: WatchBody<T>): Operation<T> {
    const ring = new EventRing();
    const stop = this.#registry.listen((event) => ring.push(event));
    try {
      return yield* body(new ActorEvents(() => ring.next()), this.#registry.find());
    } finally {
      stop();
    }
  }

  *claim<T>(name: string, body: ClaimBody<T>, except?: string): Operation<T> {
    const registry = this.#registry;
    const holder = registry.holderOf(name);
    if (holder !== undefined && holder.actor.uuid !== except) return yield* body(holder);
    return yield* this.#claims.hold(
      name,
      function* (this: Registrar) {
        if (except !== undefined) yield* moveOnAfter(HOLDER_GONE_TIMEOUT_MS, () => this.#untilGone(except));
        return yield* body(registry.holderOf(name));
      }.bind(this),
    );
  }

  *#untilGone(uuid: string): Operation<void> {
    const gone = new Deferred<void>("the end of an actor", true);
    const stop = this.#registry.listen(({ type, actor }) => {
      if (type === "left" && actor.actor.uuid === uuid) gone.resolve();
    });
    try {
      if (this.#registry.get(uuid) !== undefined) yield* gone.wait();
    } finally {
      stop();
    }
  }
}

/** Of one plain peer: it registers each by a request of its own. */
const MAX_PLAIN_ADDRESSES = 8;
