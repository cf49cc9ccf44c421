/** What a parent tells its child of the runtime, in the spawn specification: read here, and past here typed. */
import type { ActorId } from "../actor-id.ts";
import { ProtocolError } from "../errors/mod.ts";
import { Credentials } from "../ipc/credentials.ts";
import { DEFAULT_LOG_LEVEL, isLogLevel, type LogLevel } from "../log/mod.ts";
import { isLeaks, isOnIgnoredAbort, type PromisePolicy } from "../promise/mod.ts";
import { fromUid, isUid, type SpawnSpec, toUid } from "../wire/mod.ts";
import type { HostSpec } from "./host.ts";

export interface RuntimeVars {
  /** Of the child: it may have been started before it had one. */
  readonly name: string | undefined;
  readonly parent: ActorId;
  /** Of the tree below, this child included unless it has its own. */
  readonly logLevel: LogLevel;
  /** Of this child alone. */
  readonly ownLogLevel: LogLevel | undefined;
  /** Of the tree. They go over the link, where nobody else reads them, and not by the environment or the arguments. */
  readonly credentials: Credentials | undefined;
  /** The Promise program that it is to run beside what it serves. */
  readonly host: HostSpec | undefined;
  /** What Promise code in it has to go by. */
  readonly promises: PromisePolicy;
}

export function writeRuntimeVars(vars: RuntimeVars): SpawnSpec["_runtime_vars"] {
  const { name, parent, logLevel, ownLogLevel, credentials, host, promises } = vars;
  return {
    ...(name === undefined ? {} : { name }),
    parent: toUid(parent),
    log_level: logLevel,
    ...(ownLogLevel === undefined ? {} : { own_log_level: ownLogLevel }),
    ...(credentials === undefined ? {} : { credentials: written(credentials) }),
    ...(host === undefined ? {} : { host: host.url, host_args: host.args }),
    ...writePolicy(promises),
  };
}

/** What is no level is as if nothing had been said of it: a parent of another version may know others. */
export function readRuntimeVars(vars: SpawnSpec["_runtime_vars"]): RuntimeVars {
  const { name, parent, log_level, own_log_level, credentials, host, host_args, promises } = vars;
  if (!isUid(parent)) throw new ProtocolError("the spawn specification names no parent");
  return {
    name: typeof name === "string" ? name : undefined,
    parent: fromUid(parent),
    logLevel: isLogLevel(log_level) ? log_level : DEFAULT_LOG_LEVEL,
    ownLogLevel: isLogLevel(own_log_level) ? own_log_level : undefined,
    credentials: credentials === undefined ? undefined : read(credentials),
    host: typeof host === "string" ? { url: host, args: strings(host_args) } : undefined,
    promises: readPolicy(promises),
  };
}

/** Only what was said: the plain spelling has no word for what was not. */
function writePolicy(policy: PromisePolicy): { readonly promises?: object } {
  const said = Object.entries(policy).filter(([, value]) => value !== undefined);
  return said.length === 0 ? {} : { promises: Object.fromEntries(said) };
}

function readPolicy(value: unknown): PromisePolicy {
  if (typeof value !== "object" || value === null) return {};
  const { onIgnoredAbort, graceMs, leaks }: { [K in keyof PromisePolicy]?: unknown } = value;
  return {
    onIgnoredAbort: isOnIgnoredAbort(onIgnoredAbort) ? onIgnoredAbort : undefined,
    graceMs: typeof graceMs === "number" && graceMs >= 0 ? graceMs : undefined,
    leaks: isLeaks(leaks) ? leaks : undefined,
  };
}

function written(credentials: Credentials) {
  const { secret, tls } = credentials.reveal();
  return tls === undefined ? { secret } : { secret, tls };
}

/** They are checked as if a user had given them: a child without them would refuse everybody, and say something else. */
function read(given: unknown): Credentials | undefined {
  if (typeof given !== "object" || given === null)
    throw new ProtocolError("the spawn specification has no credentials");
  return Credentials.from(given, "the spawn specification");
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
