/** What a parent tells its child of the runtime, in the spawn specification: read here, and past here typed. */
import type { ActorId } from "../actor-id.ts";
import { ProtocolError } from "../errors.ts";
import { DEFAULT_LOG_LEVEL, isLogLevel, type LogLevel } from "../log/mod.ts";
import { fromUid, isUid, type SpawnSpec, toUid } from "../wire/mod.ts";

export interface RuntimeVars {
  /** Of the child: it may have been started before it had one. */
  readonly name: string | undefined;
  readonly parent: ActorId;
  /** Of the tree below, this child included unless it has its own. */
  readonly logLevel: LogLevel;
  /** Of this child alone. */
  readonly ownLogLevel: LogLevel | undefined;
}

export function writeRuntimeVars({ name, parent, logLevel, ownLogLevel }: RuntimeVars): SpawnSpec["_runtime_vars"] {
  const own = ownLogLevel === undefined ? {} : { own_log_level: ownLogLevel };
  return { ...(name === undefined ? {} : { name }), parent: toUid(parent), log_level: logLevel, ...own };
}

/** What is no level is as if nothing had been said of it: a parent of another version may know others. */
export function readRuntimeVars({ name, parent, log_level, own_log_level }: SpawnSpec["_runtime_vars"]): RuntimeVars {
  if (!isUid(parent)) throw new ProtocolError("the spawn specification names no parent");
  return {
    name: typeof name === "string" ? name : undefined,
    parent: fromUid(parent),
    logLevel: isLogLevel(log_level) ? log_level : DEFAULT_LOG_LEVEL,
    ownLogLevel: isLogLevel(own_log_level) ? own_log_level : undefined,
  };
}
