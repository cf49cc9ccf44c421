/** The log as a program uses it. */
import { journal, type LogSource } from "./journal.ts";
import { checkLogLevel, type LogLevel } from "./level.ts";
import type { LogFields } from "./record.ts";

/** What the code of an actor says of itself. Calls return at once and never fail; a level that is off costs nothing. */
export class Log {
  readonly #source: LogSource | undefined;

  /** @internal @param source - the task, and the dialog it serves */
  constructor(source?: LogSource) {
    this.#source = source;
  }

  /**
   * The least level that this actor logs. Set, it holds for this actor alone, and not for its children; where
   * `ESPALIER_LOG` is set, that stays.
   *
   * @throws TypeError if it is set to what is no level
   */
  get level(): LogLevel {
    return journal.level;
  }

  set level(level: LogLevel) {
    checkLogLevel("log.level", level);
    journal.level = level;
  }

  /** Whether records of this level are taken: ask it where making the message costs something. */
  isEnabled(level: LogLevel): boolean {
    return journal.isEnabled(level);
  }

  /** @param fields - facts beside the message; what is no plain data is printed, errors with stack and causes */
  info(message: string, fields?: LogFields): void {
    journal.write("info", "log", message, fields, this.#source);
  }

  warn(message: string, fields?: LogFields): void {
    journal.write("warn", "log", message, fields, this.#source);
  }

  /** @param what - a message, or an error, which is logged with its stack and its causes */
  error(what: unknown, fields?: LogFields): void {
    if (!journal.isEnabled("error")) return;
    if (typeof what === "string") return journal.write("error", "log", what, fields, this.#source);
    const message = what instanceof Error ? `${what.name}: ${what.message}` : String(what);
    journal.write("error", "log", message, { ...fields, error: what }, this.#source);
  }
}

/** The log of the actor that this process is, for code outside of all tasks; undefined if it is none. */
export function logHere(source?: LogSource): Log | undefined {
  return journal.isOpen ? new Log(source) : undefined;
}
