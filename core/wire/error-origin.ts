/**
 * Where an error that was raised here comes from, if another actor threw it. A `RemoteActorError` says so itself; an
 * error that came back as one of its own class has no room for that, so it is kept beside it.
 */
import type { ActorId } from "../actor-id.ts";
import { RemoteActorError } from "../errors/mod.ts";
import { MAX_RELAY_PATH } from "./limits.ts";
import { type BoxedError, fromUid, toUid, type Uid } from "./message.ts";

export interface ErrorOrigin {
  /** The actor where it was thrown. */
  readonly srcActor: ActorId;
  /** That actor, and those that it came through, in that order; at most `MAX_RELAY_PATH`, of more the last are kept. */
  readonly relayPath: readonly ActorId[];
}

/** An origin as it is sent. */
export interface Way {
  readonly src: Uid;
  readonly relay: readonly Uid[];
}

/** The box that an error was unboxed from: passing it on keeps what this actor could not revive. */
export const boxOf = new WeakMap<RemoteActorError, BoxedError>();

const ways = new WeakMap<object, Way>();

/** `error`, remembered to have come that way. */
export function cameFrom<E extends object>(error: E, way: Way): E {
  ways.set(error, way);
  return error;
}

export function wayOf(error: object): Way | undefined {
  if (!(error instanceof RemoteActorError)) return ways.get(error);
  return { src: toUid(error.srcActor), relay: error.relayPath.map(toUid) };
}

/** The path of an error that passes through one actor more. */
export function lengthen(path: readonly Uid[], by: Uid): Uid[] {
  return [...path.slice(0, 1), ...path.slice(1).slice(-(MAX_RELAY_PATH - 2)), by];
}

/**
 * In which actor an error was thrown, and through which others it came here: of a `RemoteActorError`, of the runtime's
 * own errors, and of the causes, members and `boxed` of either. Undefined for what was thrown in this actor, or is no
 * error.
 */
export function originOf(error: unknown): ErrorOrigin | undefined {
  const way = typeof error === "object" && error !== null ? wayOf(error) : undefined;
  return way === undefined ? undefined : { srcActor: fromUid(way.src), relayPath: way.relay.map(fromUid) };
}
