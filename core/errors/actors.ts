/** What goes wrong with actors: starting one, its death, its end, and finding it. */
import { type ActorId, formatActorId } from "../actor-id.ts";
import { foldWhenPrinted } from "../stack-frames.ts";

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

foldWhenPrinted(
  NoRuntime,
  AlreadyAnActor,
  ActorSpawnError,
  ActorDied,
  ActorTooSlowError,
  ActorQuarantined,
  ActorNotFound,
  RegistrarUnavailable,
  ActorNameTaken,
);
