/** What the helpers raise, as small named classes: facts are fields, the origin is `cause`. */
import { inspect } from "node:util";
import { type ActorId, foldWhenPrinted, formatActorId } from "../core/mod.ts";
import { MAX_SHOWN_CHARS } from "./limits.ts";

/** `value` as an error shows it: on one line, and not all of it if it is long. */
export function shown(value: unknown): string {
  const text = typeof value === "string" ? value : inspect(value, { depth: 3, breakLength: Number.POSITIVE_INFINITY });
  return text.length <= MAX_SHOWN_CHARS ? text : `${text.slice(0, MAX_SHOWN_CHARS)}…`;
}

/** Raised at every user of a shared resource whose opener has returned while it was in use. */
export class SharedResourceEnded extends Error {
  override readonly name = "SharedResourceEnded";
  /** As it was given. */
  readonly key: unknown;

  constructor(key: unknown) {
    super(
      `the shared resource ${shown(key)} ended while it was in use: its opener returned before its users had left; let the opener wait for its body, or throw what ended it`,
    );
    this.key = key;
  }
}

/** Raised when a command could not be started at all. */
export class CommandStartError extends Error {
  override readonly name = "CommandStartError";
  readonly command: string;
  /** The host's code, such as `ENOENT`. */
  readonly code: string | undefined;

  constructor(command: string, why: string, code: string | undefined, options?: ErrorOptions) {
    super(`command ${shown(command)} could not be started: ${why}`, options);
    this.command = command;
    this.code = code;
  }
}

/** Raised when a command ended by a signal, or with a status other than 0, without having been cancelled. */
export class CommandFailed extends Error {
  override readonly name = "CommandFailed";
  readonly command: string;
  readonly args: readonly string[];
  readonly pid: number;
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** The last of what it wrote to stderr, where that was neither inherited nor left unread. */
  readonly stderrTail: string;

  constructor(
    command: string,
    args: readonly string[],
    facts: { pid: number; exitCode: number | null; signal: string | null; stderrTail: string },
  ) {
    const tail = facts.stderrTail.trimEnd();
    const how = facts.signal === null ? `exited with status ${facts.exitCode}` : `was killed by ${facts.signal}`;
    super(
      `command ${shown([command, ...args].join(" "))} (pid ${facts.pid}) ${how}${tail === "" ? "" : `; its stderr ended with:\n${tail}`}`,
    );
    this.command = command;
    this.args = args;
    this.pid = facts.pid;
    this.exitCode = facts.exitCode;
    this.signal = facts.signal;
    this.stderrTail = tail;
  }
}

/** Raised when processes of a command are still there long after SIGKILL: even the kernel cannot end them. */
export class CommandLeftBehind extends Error {
  override readonly name = "CommandLeftBehind";
  readonly command: string;
  /** The number of its process group. */
  readonly group: number;

  constructor(command: string, group: number) {
    super(
      `command ${shown(command)} was sent SIGKILL, and processes of its group ${group} still live; \`ps -g ${group}\` shows what holds them`,
    );
    this.command = command;
    this.group = group;
  }
}

/** Raised by the results of `actorMap` when a call has failed; what it failed with is the `cause`. */
export class ActorMapError extends Error {
  override readonly name = "ActorMapError";
  readonly item: unknown;
  /** Which item it was, from 0 on. */
  readonly index: number;
  /** The actor that was to work on it. */
  readonly actor: ActorId;

  constructor(fn: string, item: unknown, index: number, actor: ActorId, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(`${fn} failed for item ${index}, ${shown(item)}, in actor ${formatActorId(actor)}: ${why}`, { cause });
    this.item = item;
    this.index = index;
    this.actor = actor;
  }
}

foldWhenPrinted(SharedResourceEnded, CommandStartError, CommandFailed, CommandLeftBehind, ActorMapError);
