/**
 * The log of this process: one level, one identity, one place that takes the records. A process is one actor, so there is
 * one journal; it takes nothing while no actor runs.
 *
 * A level that is off costs one comparison: ask `isEnabled` before a record is even described.
 */
import { type ActorId, formatActorId } from "../actor-id.ts";
import { wallTime } from "../sc/clock.ts";
import { type LogLevel, RANK } from "./level.ts";
import { type LogFields, type LogRecord, plainRecord } from "./record.ts";

/** Takes records, at once and without waiting. What it throws is reported once, and goes no further. */
export type LogSink = (record: LogRecord) => void;

/** Whose words a record are. */
export interface LogSource {
  readonly task?: string | undefined;
  readonly dialog?: string | undefined;
}

export interface JournalOptions {
  readonly actor: ActorId;
  readonly level: LogLevel;
  /** The level was set from outside, and stays. */
  readonly fixed: boolean;
  readonly sink: LogSink;
}

const NOBODY = "nobody";

class Journal {
  /** The least rank that is taken. */
  #least = Number.POSITIVE_INFINITY;
  #level: LogLevel = "error";
  #fixed = false;
  #actor = NOBODY;
  #sink: LogSink | undefined;
  #sinkFailed = false;

  /** Take records for an actor; what is returned ends that. */
  open({ actor, level, fixed, sink }: JournalOptions): () => void {
    this.#actor = formatActorId(actor);
    this.#sink = sink;
    this.#fixed = false;
    this.#sinkFailed = false;
    this.level = level;
    this.#fixed = fixed;
    return () => {
      this.#actor = NOBODY;
      this.#sink = undefined;
      this.#least = Number.POSITIVE_INFINITY;
    };
  }

  /** Whether an actor runs here. */
  get isOpen(): boolean {
    return this.#sink !== undefined;
  }

  get level(): LogLevel {
    return this.#level;
  }

  set level(level: LogLevel) {
    if (this.#fixed) return;
    this.#level = level;
    if (this.isOpen) this.#least = RANK[level];
  }

  isEnabled(level: LogLevel): boolean {
    return RANK[level] >= this.#least;
  }

  /** Log an event of this process, if its level is on. Never throws. */
  write(level: LogLevel, event: string, message: string, fields?: LogFields, source?: LogSource): void {
    if (this.isEnabled(level)) this.pass(plainRecord(this.describe(level, event, message, fields, source)));
  }

  /** A record of this process, as it would be written now. */
  describe(level: LogLevel, event: string, message: string, fields?: LogFields, source?: LogSource): LogRecord {
    const { task, dialog } = source ?? {};
    return { time: wallTime(), level, actor: this.#actor, pid: process.pid, event, message, task, dialog, fields };
  }

  /** A record of another process, on its way. */
  pass(record: LogRecord): void {
    try {
      this.#sink?.(record);
    } catch (error) {
      if (this.#sinkFailed) return;
      this.#sinkFailed = true;
      process.emitWarning(`what takes the log has failed: ${String(error)}`, { type: "LogSinkFailed" });
    }
  }
}

export const journal = new Journal();
