/**
 * What an actor does beside the work it is there for: listening when somebody has looked for it, keeping connections to
 * peers, answering its children. It ends with the actor, and its tasks with it.
 */
import { dirname } from "node:path";
import type { Operation } from "effection";
import { isCancelled } from "../errors/mod.ts";
import { Service } from "../rpc/service.ts";
import { Deferred } from "../sc/deferred.ts";
import { type Nursery, named } from "../sc/nursery.ts";
import { sleepForever } from "../sc/sleep.ts";
import { type Address, formatAddress } from "../wire/mod.ts";
import type { Actor } from "./actor.ts";
import { directoryFunctions, listenFunctions } from "./directory-functions.ts";
import { orphanGuard } from "./orphan-guard.ts";
import { PeerLinks } from "./peer-links.ts";
import { listenForPeers } from "./peers.ts";
import { privateSocket, removePrivateSocket } from "./private-folder.ts";

export class Household {
  readonly nursery: Nursery;
  readonly peers: PeerLinks;
  readonly #actor: Actor;
  readonly #service: () => Operation<Service>;
  #forChildren: Service | undefined;
  #forRegistrars: Service | undefined;
  #listening: Deferred<readonly string[]> | undefined;

  /** @param service - what answers peers; where there is none yet, it is started */
  constructor(actor: Actor, nursery: Nursery, service: () => Operation<Service>) {
    this.#actor = actor;
    this.nursery = nursery;
    this.#service = service;
    this.peers = new PeerLinks(nursery);
  }

  /** What its children may ask of it over their links. */
  get forChildren(): Service {
    const actor = this.#actor;
    this.#forChildren ??= new Service(
      actor.id,
      this.nursery,
      undefined,
      directoryFunctions(actor, {
        join: (actors) => {
          actor.directory.join(actors.map((below) => ({ ...below, path: [actor.id, ...below.path] })));
        },
        leave: (uuids) => actor.directory.leave(uuids),
      }),
    );
    return this.#forChildren;
  }

  /** What a registrar that this actor has joined may ask of it. */
  get forRegistrars(): Service {
    this.#forRegistrars ??= new Service(this.#actor.id, this.nursery, undefined, listenFunctions(this.#actor));
    return this.#forRegistrars;
  }

  /** What answers peers. */
  service(): Operation<Service> {
    return this.#service();
  }

  /**
   * Listen, if the actor does not, on a Unix socket that is there for this user alone.
   *
   * @returns where it listens, as multiaddrs
   * @throws ListenError; what an enabled module throws while it is imported, in a root
   */
  *listen(): Operation<readonly string[]> {
    const { addresses } = this.#actor;
    if (addresses.length > 0) return addresses;
    if (this.#listening === undefined) {
      this.#listening = new Deferred("listening for peers", true);
      this.nursery.startSoon(named("listening for peers", () => this.#listen(this.#listening)));
    }
    return yield* this.#listening.wait();
  }

  *#listen(listening = new Deferred<readonly string[]>("listening for peers")): Operation<void> {
    try {
      const service = yield* this.#service();
      const socket = privateSocket();
      // Of a child its parent has that done.
      const unwatch = this.#actor.isRoot ? orphanGuard.watchFolder(dirname(socket.path)) : () => {};
      try {
        yield* listenForPeers(
          this.#actor,
          service,
          [socket],
          function* (this: Household, bound: readonly Address[]) {
            this.#actor.addresses = bound.map(formatAddress);
            listening.resolve(this.#actor.addresses);
            yield* sleepForever();
          }.bind(this),
        );
      } finally {
        removePrivateSocket(socket.path);
        unwatch();
      }
    } catch (error) {
      listening.reject(error);
      this.#listening = undefined;
      if (isCancelled(error)) throw error;
    }
  }
}
