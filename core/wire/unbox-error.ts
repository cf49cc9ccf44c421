/**
 * The error to raise here for one that came as data: the runtime's own errors as themselves, all others in a
 * `RemoteActorError`.
 */
import { RemoteActorError } from "../errors/mod.ts";
import { ExceptionGroup } from "../exception-group.ts";
import { boxOf, cameFrom, type Way } from "./error-origin.ts";
import { BUILT_IN_ERRORS, dress, type ErrorRegistry } from "./error-registry.ts";
import { type BoxedError, type ErrorMsg, fromUid } from "./message.ts";
import { errorFromPlainPeer } from "./plain-peer-error.ts";
import { reviveRuntimeError } from "./runtime-error.ts";

/**
 * The error to raise here for one that another actor sent: the runtime's own as itself, any other as a
 * `RemoteActorError`, whose `boxed` is an instance of its class if that is built in or registered.
 */
export function unboxError(msg: ErrorMsg, registry?: ErrorRegistry): Error {
  const { boxed } = msg;
  if (boxed === undefined) return errorFromPlainPeer(msg);
  const way: Way = { src: msg.src_uid, relay: msg.relay_path };
  const error = reviveRuntimeError(boxed, reviveCause(boxed, way, registry));
  return error === undefined ? wrap(boxed, way, registry) : cameFrom(error, way);
}

/** An error that was sent as a value: of its class if that is known here, else of class `Error` with its text and data. */
export function reviveValue(boxed: BoxedError, registry?: ErrorRegistry): unknown {
  if (boxed.kind === "value") return boxed.value;
  const cause = boxed.cause === undefined ? undefined : reviveValue(boxed.cause, registry);
  if (boxed.kind === "remote")
    return boxed.cause === undefined || boxed.src === undefined ? cause : wrapAt(boxed, registry);
  if (boxed.kind === "group") return reviveGroup(boxed, cause, (error) => reviveValue(error, registry));
  return (
    reviveRuntimeError(boxed, cause) ??
    registry?.revive(boxed, cause) ??
    BUILT_IN_ERRORS.revive(boxed, cause) ??
    dress(new Error(boxed.message), boxed, cause)
  );
}

function wrap(boxed: BoxedError, way: Way, registry: ErrorRegistry | undefined): RemoteActorError {
  const cause = reviveCause(boxed, way, registry);
  const code = boxed.code === undefined ? {} : { code: boxed.code };
  const facts = {
    remoteName: boxed.name,
    remoteMessage: boxed.message,
    remoteStack: boxed.stack,
    srcActor: fromUid(way.src),
    relayPath: way.relay.map(fromUid),
    data: { ...boxed.data, ...code },
    boxed: reviveInstance(boxed, cause, way, registry),
  };
  const error = new RemoteActorError(facts, boxed.cause === undefined ? undefined : { cause });
  boxOf.set(error, boxed);
  return error;
}

/** The remote error that a box of kind `remote` is about. */
function wrapAt(boxed: BoxedError, registry: ErrorRegistry | undefined): unknown {
  const { cause, src, relay } = boxed;
  if (cause === undefined || src === undefined) return dress(new Error(boxed.message), boxed, undefined);
  return wrap(cause, { src, relay: relay ?? [src] }, registry);
}

function reviveCause(boxed: BoxedError, way: Way, registry: ErrorRegistry | undefined): unknown {
  return boxed.cause === undefined ? undefined : reviveInner(boxed.cause, way, registry);
}

/** A cause or a member of a group: of its own class if that is known here, else a remote error itself. */
function reviveInner(boxed: BoxedError, way: Way, registry: ErrorRegistry | undefined): unknown {
  if (boxed.kind === "value") return boxed.value;
  if (boxed.kind === "remote") return wrapAt(boxed, registry);
  const { src, relay } = boxed;
  const ownWay = src === undefined ? way : { src, relay: relay ?? [src] };
  const cause = reviveCause(boxed, ownWay, registry);
  const error = reviveRuntimeError(boxed, cause);
  if (error !== undefined) return cameFrom(error, ownWay);
  return reviveInstance(boxed, cause, ownWay, registry) ?? wrap(boxed, ownWay, registry);
}

function reviveInstance(boxed: BoxedError, cause: unknown, way: Way, registry: ErrorRegistry | undefined): unknown {
  if (boxed.kind === "value") return boxed.value;
  const error =
    boxed.kind === "group"
      ? reviveGroup(boxed, cause, (member) => reviveInner(member, way, registry))
      : (registry?.revive(boxed, cause) ?? BUILT_IN_ERRORS.revive(boxed, cause));
  return error === undefined ? undefined : cameFrom(error, way);
}

function reviveGroup(boxed: BoxedError, cause: unknown, revive: (error: BoxedError) => unknown): AggregateError {
  const errors = (boxed.errors ?? []).map(revive);
  if (boxed.omitted !== undefined) errors.push(new Error(`${boxed.omitted} more errors were left out of this group`));
  const group =
    boxed.type === ExceptionGroup.name && errors.length > 0
      ? new ExceptionGroup(boxed.message, errors)
      : new AggregateError(errors, boxed.message);
  return dress(group, boxed, cause);
}
