/**
 * The runtime's own errors come back as themselves: who asked for a function that is not exposed catches
 * `ModuleNotExposed`, not a box around it. Their facts are checked first, as they come from outside.
 */
import { isActorId } from "../actor-id.ts";
import {
  ActorDied,
  ActorNameTaken,
  ActorNotFound,
  ActorQuarantined,
  ActorSpawnError,
  ActorTooSlowError,
  AuthenticationError,
  ConnectError,
  ContextCancelled,
  FunctionNotFound,
  ListenError,
  ModuleNotExposed,
  MsgTypeError,
  NoRuntime,
  PromiseAborted,
  PromiseIgnoredAbort,
  PromiseLeaked,
  ProtocolError,
  RegistrarUnavailable,
  StreamOverrun,
  TransportClosed,
  WrongEndpointKind,
} from "../errors/mod.ts";
import { type ErrorClass, reviveAs } from "./error-registry.ts";
import type { BoxedError } from "./message.ts";

type Check = (value: unknown) => boolean;

interface RuntimeClass {
  readonly cls: ErrorClass;
  /** Every fact that the class declares, and what it must be. */
  readonly facts: Readonly<Record<string, Check>>;
}

const isText: Check = (value) => typeof value === "string";
const isNumber: Check = (value) => typeof value === "number";
const isTextList: Check = (value) => Array.isArray(value) && value.every(isText);
const isActor: Check = (value) => isActorId(value);
const isActorList: Check = (value) => Array.isArray(value) && value.every(isActorId);
const isIssueList: Check = (value) => Array.isArray(value) && value.every(isIssue);
const isLeftList: Check = (value) => Array.isArray(value) && value.every(isLeftBehind);
const orUndefined =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);

const exit = { exitCode: orNull(isNumber), signal: orNull(isText), stderrTail: isText };

const RUNTIME: ReadonlyMap<string, RuntimeClass> = new Map(
  [
    { cls: NoRuntime, facts: { call: isText } },
    { cls: ActorSpawnError, facts: { actorName: isText, ...exit } },
    { cls: ActorDied, facts: { actor: isActor, ...exit } },
    { cls: ActorTooSlowError, facts: { actor: isActor, waitedMs: isNumber } },
    { cls: TransportClosed, facts: { peer: orUndefined(isActor) } },
    { cls: ProtocolError, facts: {} },
    { cls: ListenError, facts: { address: isText } },
    { cls: ConnectError, facts: { address: isText } },
    { cls: AuthenticationError, facts: { address: isText } },
    { cls: ActorNotFound, facts: { actorName: isText, unreachable: isActorList } },
    { cls: RegistrarUnavailable, facts: { address: isText } },
    { cls: ActorNameTaken, facts: { actorName: isText, holder: isActor } },
    { cls: ModuleNotExposed, facts: { namespace: isText, exposed: isTextList } },
    { cls: FunctionNotFound, facts: { namespace: isText, func: isText } },
    { cls: WrongEndpointKind, facts: { dialog: isText, expected: isText, actual: isText } },
    { cls: MsgTypeError, facts: { slot: isText, issues: isIssueList, dialog: orUndefined(isText) } },
    { cls: StreamOverrun, facts: { dialog: orUndefined(isText) } },
    { cls: PromiseAborted, facts: { taskName: isText } },
    { cls: PromiseIgnoredAbort, facts: { taskName: isText, graceMs: isNumber, waitingFor: isTextList } },
    { cls: PromiseLeaked, facts: { taskName: isText, left: isLeftList, count: isNumber } },
    { cls: ActorQuarantined, facts: { actor: isActor } },
    { cls: ContextCancelled, facts: { canceller: isActor, dialog: orUndefined(isText) } },
  ].map((entry) => [entry.cls.name, entry]),
);

/** Whether `error` is exactly one of the runtime's own classes; a subclass of one is the user's. */
export function isRuntimeError(error: object): boolean {
  for (const { cls } of RUNTIME.values()) if (Object.getPrototypeOf(error) === cls.prototype) return true;
  return false;
}

/** The runtime's own error; undefined if it is none, or its facts are not what the class declares. */
export function reviveRuntimeError(boxed: BoxedError, cause: unknown): Error | undefined {
  const entry = boxed.kind === "runtime" ? RUNTIME.get(boxed.type) : undefined;
  if (entry === undefined) return undefined;
  const data = new Map(Object.entries(boxed.data ?? {}));
  for (const [fact, check] of Object.entries(entry.facts)) if (!check(data.get(fact))) return undefined;
  return reviveAs(entry.cls, boxed, cause);
}

function isIssue(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { path, message }: { path?: unknown; message?: unknown } = value;
  return typeof message === "string" && Array.isArray(path) && path.every((key) => isText(key) || isNumber(key));
}

function isLeftBehind(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { kind, stack }: { kind?: unknown; stack?: unknown } = value;
  return isText(kind) && isText(stack);
}
