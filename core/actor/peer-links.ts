/**
 * Connections to peers that were looked up: all that this actor's tasks have to say to one of them goes over one, which
 * is closed when it has not been used for a while.
 */
import type { Operation } from "effection";
import type { ActorId } from "../actor-id.ts";
import { isCancelled } from "../errors/mod.ts";
import type { Channel } from "../rpc/channel.ts";
import { type Clock, type Disarm, realClock } from "../sc/clock.ts";
import { Deferred } from "../sc/deferred.ts";
import { type Nursery, named } from "../sc/nursery.ts";
import { PEER_IDLE_MS } from "./limits.ts";

/** How a connection is made; `closed` is to be called when it has ended. */
export type Connect = (closed: () => void) => Operation<Channel>;

export class PeerLinks {
  readonly #nursery: Nursery;
  readonly #clock: Clock;
  /** By uuid of the peer, or by the address of a registrar. */
  readonly #links = new Map<string, PeerLink>();

  /** @param nursery - where connections are made: whoever waits for one may be cancelled, and leave it to the others */
  constructor(nursery: Nursery, clock: Clock = realClock) {
    this.#nursery = nursery;
    this.#clock = clock;
  }

  /** Peers of that name to which there is a connection. */
  named(name: string): ActorId[] {
    return [...this.#links.values()].flatMap(({ peer }) => (peer?.name === name ? [peer] : []));
  }

  /**
   * Run `body` with a connection, made by `connect` if there is none under `key`.
   *
   * @throws what `connect` throws, as `Unreachable`
   */
  *use<T>(key: string, connect: Connect, body: (channel: Channel) => Operation<T>): Operation<T> {
    const { made, leave } = this.hold(key, connect);
    try {
      return yield* body(yield* made.wait());
    } finally {
      leave();
    }
  }

  /** Keep the connection open, whether it is used or not, until `leave` is called. */
  hold(key: string, connect: Connect): { readonly made: Deferred<Channel>; readonly leave: () => void } {
    let link = this.#links.get(key);
    if (link === undefined) {
      const made: PeerLink = new PeerLink(() => {
        if (this.#links.get(key) === made) this.#links.delete(key);
      }, this.#clock);
      link = made;
      this.#links.set(key, link);
      this.#nursery.startSoon(named("connecting to a peer", () => made.establish(connect)));
    }
    return { made: link.made, leave: link.enter() };
  }

  /** Close all of them: the actor ends. */
  close(): void {
    for (const link of [...this.#links.values()]) link.close("the actor has ended");
  }
}

/** Raised inside, for a peer that could not be connected to; `cause` says why. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
}

class PeerLink {
  readonly made = new Deferred<Channel>("connection to a peer", true);
  readonly #forget: () => void;
  readonly #clock: Clock;
  #users = 0;
  #disarm: Disarm = () => {};

  constructor(forget: () => void, clock: Clock) {
    this.#forget = forget;
    this.#clock = clock;
  }

  get #channel(): Channel | undefined {
    return this.made.result?.ok === true ? this.made.result.value : undefined;
  }

  get peer(): ActorId | undefined {
    return this.#channel?.peer?.id;
  }

  *establish(connect: Connect): Operation<void> {
    try {
      this.made.resolve(yield* connect(() => this.#gone()));
      this.#ifIdle();
    } catch (cause) {
      this.#gone();
      this.made.reject(new Unreachable("no connection to the peer", { cause }));
      if (isCancelled(cause)) throw cause;
    }
  }

  enter(): () => void {
    this.#users++;
    this.#disarm();
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#users--;
      this.#ifIdle();
    };
  }

  close(reason: string): void {
    this.#gone();
    this.#channel?.destroy(reason);
  }

  #ifIdle(): void {
    if (this.#users > 0 || this.#channel === undefined || this.#channel.closedBy !== undefined) return;
    const reason = `it was not used for ${PEER_IDLE_MS} ms`;
    this.#disarm();
    this.#disarm = this.#clock.at(this.#clock.now() + PEER_IDLE_MS, () => this.close(reason));
  }

  /** Nobody is to use it any more: the next one makes another. */
  #gone(): void {
    this.#disarm();
    this.#forget();
  }
}
