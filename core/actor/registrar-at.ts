/** A registrar that is asked by its address, without being joined: over a connection that is kept for a while. */
import type { Operation } from "effection";
import type { ActorId } from "../actor-id.ts";
import { formatAddress, parseAddress } from "../wire/mod.ts";
import type { Actor } from "./actor.ts";
import { AskedDirectory } from "./asked-directory.ts";
import type { Asking, WatchBody } from "./directory.ts";
import { Unreachable } from "./peer-links.ts";
import { openPeerChannel } from "./peers.ts";
import { PlainRegistrar } from "./plain-registrar.ts";
import { type RegisteredActor, reachableFrom, unavailable } from "./registered-actor.ts";
import { watchAt } from "./watch-at.ts";

export class RegistrarAt implements Asking {
  readonly #actor: Actor;
  readonly #address: string;

  constructor(actor: Actor, address: string) {
    this.#actor = actor;
    this.#address = formatAddress(parseAddress(address));
  }

  *lookUp(name: string | undefined, enough: "one" | "all"): Operation<readonly RegisteredActor[]> {
    const found = yield* this.#ask((there) => there.lookUp(name, enough));
    return found.map((actor) => this.#reachable(actor));
  }

  *locate(actor: ActorId): Operation<readonly string[]> {
    return reachableFrom(this.#address, yield* this.#ask((there) => there.locate(actor)));
  }

  *evict(actor: ActorId, addresses: readonly string[]): Operation<void> {
    yield* this.#ask((there) => there.evict(actor, addresses));
  }

  *waitFor(name: string, except: readonly string[]): Operation<RegisteredActor> {
    return this.#reachable(yield* this.#ask((there) => there.waitFor(name, except)));
  }

  *watch<T>(body: WatchBody<T>): Operation<T> {
    return yield* watchAt(this.#address, body, (named) => this.#ask((there) => there.watch(named)));
  }

  *#ask<T>(ask: (there: Asking) => Operation<T>): Operation<T> {
    const [actor, address] = [this.#actor, this.#address];
    try {
      return yield* actor.household.peers.use(
        address,
        (closed) => openPeerChannel(actor, address, { closed }),
        (channel) => ask(channel.isPlain ? new PlainRegistrar(actor, address) : new AskedDirectory(channel)),
      );
    } catch (error) {
      const cause = error instanceof Unreachable ? error.cause : error;
      throw cause instanceof Error ? unavailable(address, cause) : cause;
    }
  }

  #reachable(actor: RegisteredActor): RegisteredActor {
    return { ...actor, addresses: reachableFrom(this.#address, actor.addresses) };
  }
}
