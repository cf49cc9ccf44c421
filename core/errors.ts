/**
 * Every error espalier raises, as small named classes: facts are fields, the origin is `cause`. A message says what
 * failed, where, and what to do. The names of the first half are trio's.
 */
import { inspect } from "node:util";
import { type ActorId, formatActorId } from "./actor-id.ts";
import { foldFrames, foldWhenPrinted } from "./stack-frames.ts";

// ---------------------------------------------------------------------------------------- one process: scopes and tasks

/** What set a cancellation off: a call to `cancel()`, a deadline, a failing sibling, the host program, or a peer. */
export type CancelSource = "cancel" | "deadline" | "nursery" | "host" | "peer";

/** Why a scope was cancelled and by whom; what a `Cancelled` carries and what a remote canceller is told. */
export interface CancelCause {
  readonly source: CancelSource;
  readonly reason: string;
  /** The task (its name) or actor (formatted id) that asked, where it is known. */
  readonly canceller?: string | undefined;
  /** The error that made a nursery cancel the rest of its children. */
  readonly error?: unknown;
}

/**
 * Thrown into a task at every checkpoint while a cancel scope around it is cancelled, until that scope is left. Never
 * swallow it: a `catch` that takes everything rethrows what `isCancelled` recognises. One instance is shared by all
 * tasks of one cancellation; its stack shows who cancelled.
 */
export class Cancelled extends Error {
  override readonly name = "Cancelled";
  readonly source: CancelSource;
  readonly reason: string;
  readonly canceller: string | undefined;

  constructor(cause: CancelCause) {
    super(
      `cancelled${cause.canceller ? ` by ${cause.canceller}` : ""}: ${cause.reason}`,
      cause.error === undefined ? undefined : { cause: cause.error },
    );
    this.source = cause.source;
    this.reason = cause.reason;
    this.canceller = cause.canceller;
  }
}

/** True for the exception that unwinds a cancelled task, which every `catch` must let by. */
export function isCancelled(error: unknown): error is Cancelled {
  return error instanceof Cancelled;
}

/** Raised by `failAfter` and `failAt` when the time was up before the body ended. */
export class TooSlowError extends Error {
  override readonly name = "TooSlowError";
  /** Time that was allowed, in milliseconds; undefined where a point in time was given. */
  readonly timeoutMs: number | undefined;

  constructor(timeoutMs?: number) {
    super(timeoutMs === undefined ? "deadline has passed" : `took longer than ${timeoutMs} ms`);
    this.timeoutMs = timeoutMs;
  }
}

/** Raised by `receive` once every sending end is closed and everything sent has been received. */
export class EndOfChannel extends Error {
  override readonly name = "EndOfChannel";
  constructor(what = "channel") {
    super(`end of ${what}: every sender has closed and all items were received`);
  }
}

/** Raised where the other end of a resource is gone, such as `send` when every receiver has closed. */
export class BrokenResourceError extends Error {
  override readonly name = "BrokenResourceError";
  constructor(what = "the other end is closed", options?: ErrorOptions) {
    super(what, options);
  }
}

/** Raised by use of something that this side has closed already. */
export class ClosedResourceError extends Error {
  override readonly name = "ClosedResourceError";
  constructor(what = "this end is closed") {
    super(what);
  }
}

/** Raised where two tasks use at once what only one may. */
export class BusyResourceError extends Error {
  override readonly name = "BusyResourceError";
  constructor(what: string) {
    super(what);
  }
}

/** Raised by the `…Nowait` forms where the plain form would have to wait. */
export class WouldBlock extends Error {
  override readonly name = "WouldBlock";
  constructor(what = "would have to wait") {
    super(what);
  }
}

/** Raised by `receive` of a subscriber that reads too slowly, once for each gap; the next `receive` goes on after it. */
export class Lagged extends Error {
  override readonly name = "Lagged";
  /** Items that were dropped before this subscriber received them. */
  readonly missed: number;
  /** Items that are kept for slow subscribers. */
  readonly capacity: number;

  constructor(missed: number, capacity: number) {
    super(
      `this subscriber fell behind and missed ${missed} item${missed === 1 ? "" : "s"}: the broadcast keeps the last ${capacity}; read faster, raise its capacity, or subscribe with onLag: "skip"`,
    );
    this.missed = missed;
    this.capacity = capacity;
  }
}

// ------------------------------------------------------------------------------------------------ the actor runtime

/** Raised by a runtime call made where no actor runtime is running. */
export class NoRuntime extends Error {
  override readonly name = "NoRuntime";
  readonly call: string;

  constructor(call: string) {
    super(
      `${call} was called outside an actor runtime; start one with openActorNursery, openRootActor or runMain and call it inside`,
    );
    this.call = call;
  }
}

/** Raised where a second actor would begin in a process that is one already. */
export class AlreadyAnActor extends Error {
  override readonly name = "AlreadyAnActor";
  /** The one that is running. */
  readonly actor: ActorId;
  /** The line of code that started it, `function (file:line:column)`, where it is known. */
  readonly startedAt: string | undefined;

  constructor(actor: ActorId, startedAt: string | undefined) {
    const where = startedAt === undefined ? "" : `, started at ${startedAt}`;
    super(
      `this process is already actor "${actor.name}"${where}; one process is one actor: open nurseries inside it instead of another root, share its guest run, or close that one first`,
    );
    this.actor = actor;
    this.startedAt = startedAt;
  }
}

/** Raised by the spawning call when a child process did not come up. */
export class ActorSpawnError extends Error {
  override readonly name = "ActorSpawnError";
  readonly actorName: string;
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** The last lines the child wrote to stderr. */
  readonly stderrTail: string;

  constructor(
    actorName: string,
    why: string,
    facts: { exitCode?: number | null; signal?: string | null; stderrTail?: string } = {},
    options?: ErrorOptions,
  ) {
    const tail = facts.stderrTail?.trimEnd() ?? "";
    super(
      `actor "${actorName}" did not start: ${why}${tail === "" ? "" : `; its stderr ended with:\n${tail}`}`,
      options,
    );
    this.actorName = actorName;
    this.exitCode = facts.exitCode ?? null;
    this.signal = facts.signal ?? null;
    this.stderrTail = tail;
  }
}

/**
 * Raised when an actor's process ended before it was to: killed, crashed, or by `process.exit` with a status other than 0.
 * What it said of that itself, if anything, is the `cause`.
 */
export class ActorDied extends Error {
  override readonly name = "ActorDied";
  readonly actor: ActorId;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stderrTail: string;

  constructor(
    actor: ActorId,
    facts: { exitCode?: number | null; signal?: string | null; stderrTail?: string; why?: string } = {},
    options?: ErrorOptions,
  ) {
    const tail = facts.stderrTail?.trimEnd() ?? "";
    const why = facts.why === undefined ? "" : `: ${facts.why}`;
    const how = facts.signal ? `was killed by ${facts.signal}` : `exited with status ${facts.exitCode ?? "unknown"}`;
    super(
      `actor ${formatActorId(actor)} ${how} before it ended in good order${why}${tail === "" ? "" : `; its stderr ended with:\n${tail}`}`,
      options,
    );
    this.actor = actor;
    this.exitCode = facts.exitCode ?? null;
    this.signal = facts.signal ?? null;
    this.stderrTail = tail;
  }
}

/** Raised when an actor did not acknowledge a cancel request within its bound. */
export class ActorTooSlowError extends Error {
  override readonly name = "ActorTooSlowError";
  readonly actor: ActorId;
  readonly waitedMs: number;

  constructor(actor: ActorId, waitedMs: number, what = "acknowledge a cancel request", advice?: string) {
    super(
      `actor ${formatActorId(actor)} did not ${what} within ${waitedMs} ms${advice === undefined ? "" : `: ${advice}`}`,
    );
    this.actor = actor;
    this.waitedMs = waitedMs;
  }
}

/** Raised when the byte stream to a peer is gone; the peer itself may be alive. */
export class TransportClosed extends Error {
  override readonly name = "TransportClosed";
  readonly peer: ActorId | undefined;

  constructor(peer: ActorId | undefined, why = "connection closed", options?: ErrorOptions) {
    super(`connection to ${peer === undefined ? "an unknown peer" : formatActorId(peer)}: ${why}`, options);
    this.peer = peer;
  }
}

/** Raised where an actor cannot be listened for on an address. */
export class ListenError extends Error {
  override readonly name = "ListenError";
  /** As a multiaddr. */
  readonly address: string;
  constructor(address: string, why: string, options?: ErrorOptions) {
    super(`cannot listen on ${address}: ${why}`, options);
    this.address = address;
  }
}

/** Raised where no actor can be reached at an address. */
export class ConnectError extends Error {
  override readonly name = "ConnectError";
  /** As a multiaddr. */
  readonly address: string;
  constructor(address: string, why: string, options?: ErrorOptions) {
    super(`cannot connect to ${address}: ${why}`, options);
    this.address = address;
  }
}

/** Raised where a peer does not show that it knows the secret, or does not accept what this side shows. */
export class AuthenticationError extends Error {
  override readonly name = "AuthenticationError";
  /** Of the peer, as a multiaddr. */
  readonly address: string;
  constructor(address: string, why: string, options?: ErrorOptions) {
    super(`cannot authenticate with ${address}: ${why}`, options);
    this.address = address;
  }
}

/** Raised by a look-up when no actor of that name is registered, or none that is registered can be reached. */
export class ActorNotFound extends Error {
  override readonly name = "ActorNotFound";
  readonly actorName: string;
  /** Those of that name which were registered and could not be reached; the registrar has been told of each. */
  readonly unreachable: readonly ActorId[];

  constructor(actorName: string, why: string, unreachable: readonly ActorId[] = [], options?: ErrorOptions) {
    super(`no actor "${actorName}" was found: ${why}`, options);
    this.actorName = actorName;
    this.unreachable = unreachable;
  }
}

/** Raised when a registrar cannot be asked: nobody is there, it has gone, or it is no registrar. */
export class RegistrarUnavailable extends Error {
  override readonly name = "RegistrarUnavailable";
  /** As a multiaddr. */
  readonly address: string;

  constructor(address: string, why: string, options?: ErrorOptions) {
    super(`the registrar at ${address} cannot be asked: ${why}`, options);
    this.address = address;
  }
}

/** Raised where an actor was to have a global name that another one of its tree has. */
export class ActorNameTaken extends Error {
  override readonly name = "ActorNameTaken";
  readonly actorName: string;
  readonly holder: ActorId;

  constructor(actorName: string, holder: ActorId) {
    super(
      `the global name "${actorName}" is held by ${formatActorId(holder)}; choose another, or take that actor with getOrStart`,
    );
    this.actorName = actorName;
    this.holder = holder;
  }
}

/** Raised when a peer sends what the protocol does not allow; the connection is closed. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  constructor(what: string, options?: ErrorOptions) {
    super(what, options);
  }
}

/** Raised at the caller when the target actor does not expose the module that was named. */
export class ModuleNotExposed extends Error {
  override readonly name = "ModuleNotExposed";
  readonly namespace: string;
  readonly exposed: readonly string[];

  constructor(namespace: string, exposed: readonly string[]) {
    const list = exposed.length === 0 ? "it exposes none" : `it exposes ${exposed.join(", ")}`;
    super(
      `module "${namespace}" is not exposed by the actor (${list}); add it to enableModules when the actor is started`,
    );
    this.namespace = namespace;
    this.exposed = exposed;
  }
}

/** Raised at the caller when an exposed module has no export of that name, or the export cannot be called remotely. */
export class FunctionNotFound extends Error {
  override readonly name = "FunctionNotFound";
  readonly namespace: string;
  readonly func: string;

  constructor(namespace: string, func: string, why = "is not exported by it") {
    super(namespace === "" ? `"${func}" ${why}` : `"${func}" of module "${namespace}" ${why}`);
    this.namespace = namespace;
    this.func = func;
  }
}

const OPENED_BY: Readonly<Record<string, string>> = {
  asyncfunc: "a function: call it with portal.run",
  context: "a context: open it with portal.openContext",
  asyncgen: "a producer of items: open it with portal.openStreamFrom",
};

/** Raised at the caller for an export that is there, but is not of the kind that it was asked for as. */
export class WrongEndpointKind extends TypeError {
  override readonly name = "WrongEndpointKind";
  readonly dialog: string;
  /** What it was asked for as: `call`, `context` or `producer`. */
  readonly expected: string;
  /** What it is, as the protocol calls it: `asyncfunc`, `context` or `asyncgen`. */
  readonly actual: string;

  constructor(dialog: string, expected: string, actual: string) {
    super(`${dialog} is ${OPENED_BY[actual] ?? actual}; it was asked for as a ${expected}`);
    this.dialog = dialog;
    this.expected = expected;
    this.actual = actual;
  }
}

/** One refused value: where in the message it stands and what was wrong with it. */
export interface MsgIssue {
  /** Keys from the payload down to the offending field; empty for the payload itself. */
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** Raised for a value that its dialog does not allow, or that cannot be put on the wire at all. */
export class MsgTypeError extends TypeError {
  override readonly name = "MsgTypeError";
  /** Which part of the dialog the value was meant for: `args`, `started`, `send`, `receive`, `result`. */
  readonly slot: string;
  readonly issues: readonly MsgIssue[];
  readonly dialog: string | undefined;

  constructor(slot: string, issues: readonly MsgIssue[], dialog?: string) {
    const list = issues.map((i) => `${formatPath(slot, i.path)}: ${i.message}`).join("; ");
    super(`${dialog === undefined ? "" : `${dialog}: `}${list}`);
    this.slot = slot;
    this.issues = issues;
    this.dialog = dialog;
  }

  /** @internal The same refusal, named as its user knows the dialog. */
  inDialog(dialog: string, slot: string = this.slot): MsgTypeError {
    return new MsgTypeError(slot, this.issues, dialog);
  }
}

/** `args.user.tags[2]`: a path as a reader would write it. */
export function formatPath(slot: string, path: readonly PropertyKey[]): string {
  let out = slot;
  for (const key of path) {
    if (typeof key === "number") out += `[${key}]`;
    else if (typeof key === "string" && /^[A-Za-z_$][\w$]*$/.test(key)) out += `.${key}`;
    else out += `[${typeof key === "symbol" ? String(key) : JSON.stringify(key)}]`;
  }
  return out;
}

/** Raised at the sender when a stream with the `error` overflow policy has no room for an item. */
export class StreamOverrun extends Error {
  override readonly name = "StreamOverrun";
  readonly dialog: string | undefined;
  constructor(what: string, dialog?: string) {
    super(what);
    this.dialog = dialog;
  }
}

/** Raised when a context was cancelled by someone other than this side: the peer, or a third actor. */
export class ContextCancelled extends Error {
  override readonly name = "ContextCancelled";
  /** The actor that asked for the cancellation. */
  readonly canceller: ActorId;
  readonly dialog: string | undefined;

  constructor(canceller: ActorId, reason: string, dialog?: string, options?: ErrorOptions) {
    super(`${dialog ?? "context"} was cancelled by ${formatActorId(canceller)}: ${reason}`, options);
    this.canceller = canceller;
    this.dialog = dialog;
  }
}

/** What is known of an error that was thrown in another actor. */
export interface RemoteErrorFacts {
  /** The original's `name`, such as `TypeError`. */
  readonly remoteName: string;
  readonly remoteMessage: string;
  /** Stack as text, mapped to source where it was thrown; undefined for thrown non-errors. */
  readonly remoteStack: string | undefined;
  /** The actor in which it was thrown. */
  readonly srcActor: ActorId;
  /** The actors it passed through on its way here, origin first. */
  readonly relayPath: readonly ActorId[];
  /** The original's own enumerable data (and `code`), as far as it could be encoded. */
  readonly data: Readonly<Record<string, unknown>>;
  /** The value itself: a revived instance for a registered class or a built-in one, or the thrown non-error. */
  readonly boxed: unknown;
}

/**
 * What a remote task threw, raised here. `message` begins with the original's own; the original's stack, cause chain,
 * data and actor are fields.
 */
export class RemoteActorError extends Error implements RemoteErrorFacts {
  override readonly name = "RemoteActorError";
  readonly remoteName: string;
  readonly remoteMessage: string;
  readonly remoteStack: string | undefined;
  readonly srcActor: ActorId;
  readonly relayPath: readonly ActorId[];
  readonly data: Readonly<Record<string, unknown>>;
  readonly boxed: unknown;

  constructor(facts: RemoteErrorFacts, options?: ErrorOptions) {
    super(`${facts.remoteName}: ${facts.remoteMessage} (in actor ${formatActorId(facts.srcActor)})`, options);
    this.remoteName = facts.remoteName;
    this.remoteMessage = facts.remoteMessage;
    this.remoteStack = facts.remoteStack;
    this.srcActor = facts.srcActor;
    this.relayPath = facts.relayPath;
    this.data = facts.data;
    this.boxed = facts.boxed;
    for (const key of ["remoteName", "remoteMessage", "remoteStack", "relayPath", "boxed"]) {
      Object.defineProperty(this, key, { enumerable: false });
    }
  }

  /** The local stack says where the call was made; the box below it is what happened over there. */
  [inspect.custom](_depth: number, options: import("node:util").InspectOptions, print: typeof inspect): string {
    const { cause: _cause, ...shown } = { ...this.data };
    const members = this.boxed instanceof AggregateError ? this.boxed.errors : [];
    const box = [
      this.remoteStack ?? `${this.remoteName}: ${this.remoteMessage}`,
      ...members.map((error, i) => `+-- ${i + 1}: ${print(error, options)}`),
      ...(Object.keys(shown).length === 0 ? [] : [`data: ${print(shown, options)}`]),
      ...(this.cause === undefined ? [] : [`[cause]: ${print(this.cause, options)}`]),
    ].join("\n");
    const path = [this.srcActor, ...this.relayPath.slice(1)].map(formatActorId).join(" > ");
    const body = box
      .split("\n")
      .map((line) => `  | ${line}`)
      .join("\n");
    return foldFrames(`${this.stack ?? String(this)}\n  +-- in ${path}\n${body}\n  +--`);
  }
}

// --------------------------------------------------------------------------------------------------- Promise code

/**
 * The promise was rejected because something on its own side aborted it (an AbortError, or the reason of a signal that
 * is not ours), while nobody on this side had cancelled it. What it was rejected with is the `cause`.
 */
export class PromiseAborted extends Error {
  override readonly name = "PromiseAborted";
  /** The name of the function whose promise it was. */
  readonly taskName: string;

  constructor(taskName: string, options?: ErrorOptions) {
    const { cause } = options ?? {};
    super(`promise task "${taskName}" aborted itself${cause instanceof Error ? `: ${cause.message}` : ""}`, options);
    this.taskName = taskName;
  }
}

/** A promise did not settle within its grace time after its signal was aborted. Its stack is where the task was made. */
export class PromiseIgnoredAbort extends Error {
  override readonly name = "PromiseIgnoredAbort";
  readonly taskName: string;
  /** Time it was given to settle, in milliseconds. */
  readonly graceMs: number;
  /**
   * What it seems to wait for. With `leaks` on, its own promises and handles, the last made first, each with the frame
   * that made it; without, the kinds of handles that are open in the whole process.
   */
  readonly waitingFor: readonly string[];

  /**
   * @param frames - lines of a stack: where the task was made
   * @param options.cause - the reason its signal was aborted with
   */
  constructor(
    taskName: string,
    graceMs: number,
    facts: { readonly frames: string; readonly waitingFor: readonly string[] },
    options?: ErrorOptions,
  ) {
    const waits = facts.waitingFor.length === 0 ? "" : `; it seems to wait for ${facts.waitingFor.join(", ")}`;
    super(
      `promise task "${taskName}" has ignored its abort signal for ${graceMs} ms${waits}; pass the signal on to what it awaits, or run it in an actor that is killed for that: startActor(name, { promises: "quarantine" })`,
      options,
    );
    this.taskName = taskName;
    this.graceMs = graceMs;
    this.waitingFor = facts.waitingFor;
    this.stack = `${this.name}: ${this.message}\n${facts.frames}`;
  }
}

/** One thing that a promise task has started and not ended. */
export interface LeftBehind {
  /** For people: `timer`, `socket`, `child process`, `rejection: Error: no route`. */
  readonly kind: string;
  /** Lines of a stack: where it was made. */
  readonly stack: string;
}

/** A promise task has settled and left behind what it had started. See `leaks` of `runTask`. */
export class PromiseLeaked extends Error {
  override readonly name = "PromiseLeaked";
  readonly taskName: string;
  /** The first of them, with the stacks of their making. */
  readonly left: readonly LeftBehind[];
  /** How many there are in all. */
  readonly count: number;

  constructor(taskName: string, left: readonly LeftBehind[], count: number) {
    const list = left.map(({ kind, stack }) => `\n  ${kind}\n${indent(stack, "  ")}`).join("");
    const more = count > left.length ? `\n  and ${count - left.length} more` : "";
    const what = count === 1 ? "something that it had started" : `${count} things that it had started`;
    super(
      `promise task "${taskName}" has settled and left behind ${what}; end it before the promise settles:${list}${more}`,
    );
    this.taskName = taskName;
    this.left = left;
    this.count = count;
  }
}

function indent(text: string, by: string): string {
  return text.replace(/^/gm, by);
}

/**
 * Raised in the nursery of an actor that was ended because Promise code in it could not be: it ignored its abort signal,
 * or kept the thread. Only actors that were started with `promises: "quarantine"` are. The `cause` says what it was.
 */
export class ActorQuarantined extends Error {
  override readonly name = "ActorQuarantined";
  readonly actor: ActorId;

  /** @param options.cause - `PromiseIgnoredAbort` as the actor reported it, or `ActorTooSlowError` */
  constructor(actor: ActorId, options: { readonly cause: Error }) {
    super(
      `actor ${formatActorId(actor)} was ended, and all that ran in it: ${options.cause.message}; start it anew if it is still needed`,
      options,
    );
    this.actor = actor;
  }
}

/** @internal The name and the code by which Promise libraries know an abort from a failure. */
export const ABORT_NAME = "AbortError";
/** @internal */
export const ABORT_CODE = "ABORT_ERR";

/** The reason of a promise task's signal when the structured side was cancelled. */
export class ScCancelled extends Error {
  override readonly name = ABORT_NAME;
  readonly code = ABORT_CODE;
  readonly source: CancelSource;
  readonly reason: string;
  /** The task or actor that asked for the cancellation, where it is known. */
  readonly canceller: string | undefined;

  constructor(by: Pick<CancelCause, "source" | "reason" | "canceller">, options?: ErrorOptions) {
    super(`cancelled${by.canceller === undefined ? "" : ` by ${by.canceller}`}: ${by.reason}`, options);
    this.source = by.source;
    this.reason = by.reason;
    this.canceller = by.canceller;
  }
}

/** Whether a Promise library says by `error` that it was aborted. */
export function isAbortError(error: unknown): boolean {
  return error instanceof Error && (error.name === ABORT_NAME || ("code" in error && error.code === ABORT_CODE));
}

foldWhenPrinted(
  Cancelled,
  TooSlowError,
  EndOfChannel,
  BrokenResourceError,
  ClosedResourceError,
  BusyResourceError,
  WouldBlock,
  Lagged,
  NoRuntime,
  AlreadyAnActor,
  ActorSpawnError,
  ActorDied,
  ActorTooSlowError,
  TransportClosed,
  ListenError,
  ConnectError,
  ProtocolError,
  ModuleNotExposed,
  FunctionNotFound,
  WrongEndpointKind,
  MsgTypeError,
  StreamOverrun,
  ContextCancelled,
  PromiseAborted,
  PromiseIgnoredAbort,
  PromiseLeaked,
  ActorQuarantined,
  ScCancelled,
);
