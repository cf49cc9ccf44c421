/**
 * Where actors are looked up. Every actor has one directory: the root's is the registrar itself, that of any other asks
 * its parent, which asks its own, and so on up. Several of them make one that asks all at once.
 */
import type { Operation } from "effection";
import type { ActorId } from "../actor-id.ts";
import type { ActorEvents } from "./actor-events.ts";
import type { RegisteredActor } from "./registered-actor.ts";

/** Body of a watch: the changes from now on, and who was there before. */
export type WatchBody<T> = (events: ActorEvents, present: readonly RegisteredActor[]) => Operation<T>;

/** Body of a claim to a name: with the actor that has it, or none. */
export type ClaimBody<T> = (holder: RegisteredActor | undefined) => Operation<T>;

export interface Asking {
  /**
   * All of that name, or simply all.
   *
   * @param enough - `one`: no further registrar need be asked once somebody is found
   * @throws ActorTooSlowError after `LOOK_UP_TIMEOUT_MS`; RegistrarUnavailable; ProtocolError for what is no answer
   */
  lookUp(name: string | undefined, enough: "one" | "all"): Operation<readonly RegisteredActor[]>;
  /**
   * Have an actor listen, if it does not.
   *
   * @returns its addresses; none if it is not registered any more
   * @throws as `lookUp`, and ListenError if it cannot
   */
  locate(actor: ActorId): Operation<readonly string[]>;
  /** Wait until there is an actor of that name beside `except`, given by their uuids. @throws as `lookUp`, without its bound */
  waitFor(name: string, except: readonly string[]): Operation<RegisteredActor>;
  /** An actor could not be reached at these addresses: they are forgotten, and so is an actor that nobody answers for. */
  evict(actor: ActorId, addresses: readonly string[]): Operation<void>;
  watch<T>(body: WatchBody<T>): Operation<T>;
}

export interface Directory extends Asking {
  /** Actors of this tree have come up. Plain and synchronous: what is said is heard in order. */
  join(actors: readonly RegisteredActor[]): void;
  /** They have gone, and with them all below them. */
  leave(uuids: readonly string[]): void;
  /**
   * Run `body` as the only one of this tree that may give `name` to an actor, or with the actor that has it.
   *
   * @param except - uuid of one that has it and is about to go: it is waited for, up to `HOLDER_GONE_TIMEOUT_MS`
   * @throws as `lookUp`, without its bound
   */
  claim<T>(name: string, body: ClaimBody<T>, except?: string): Operation<T>;
}
