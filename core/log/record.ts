/**
 * One line of the log, as data that can be sent on and printed by another process: bounded, and without anything that
 * belongs to this one.
 */
import { inspect } from "node:util";
import { foldFrames } from "../stack-frames.ts";
import type { LogLevel } from "./level.ts";
import { MAX_LOG_DEPTH, MAX_LOG_RECORD_CHARS } from "./limits.ts";

export interface LogRecord {
  /** When, in milliseconds since 1970. */
  readonly time: number;
  readonly level: LogLevel;
  /** Where, as `name@uuid`. */
  readonly actor: string;
  readonly pid: number;
  /** What kind of thing happened: `actor.ready`, `teardown.SIGTERM`; `log` for what the program itself says. */
  readonly event: string;
  readonly message: string;
  /** The task that says so, by its name. */
  readonly task?: string | undefined;
  /** The dialog that it serves, as `module.function`. */
  readonly dialog?: string | undefined;
  /** Strings, numbers, booleans, nulls, and arrays and records of these. */
  readonly fields?: LogFields | undefined;
}

export type LogFields = Readonly<Record<string, unknown>>;

/** The same record, made of plain and bounded data whatever its fields hold. Never throws. */
export function plainRecord(record: LogRecord): LogRecord {
  const plain = new PlainCopy();
  const message = plain.text(String(record.message));
  if (record.fields === undefined) return { ...record, message };
  try {
    return { ...record, message, fields: plain.record(record.fields, 0) };
  } catch (error) {
    // A getter or an inspector of the program's own: the work must not fail for what was to be said of it.
    return { ...record, message, fields: { unprintable: String(error) } };
  }
}

/** Name, message, stack, cause and members; the stack has those of its causes too, as they are printed. */
export function isErrorData(value: unknown): value is { readonly message: string; readonly stack: string } {
  return (
    typeof value === "object" &&
    value !== null &&
    "message" in value &&
    "stack" in value &&
    typeof value.stack === "string"
  );
}

class PlainCopy {
  #left = MAX_LOG_RECORD_CHARS;

  text(text: string): string {
    const left = Math.max(this.#left, 0);
    this.#left -= text.length + 1;
    return text.length <= left ? text : `${text.slice(0, left)}… (${text.length - left} more characters)`;
  }

  record(value: object, depth: number): Record<string, unknown> {
    const copy: Record<string, unknown> = {};
    for (const [key, item] of Object.entries(value)) {
      if (item === undefined || key === "__proto__") continue;
      if (this.#left <= 0) {
        copy["…"] = "cut";
        break;
      }
      copy[this.text(key)] = this.#value(item, depth + 1);
    }
    return copy;
  }

  #value(value: unknown, depth: number): unknown {
    this.#left--;
    if (typeof value === "string") return this.text(value);
    if (typeof value === "boolean" || value === null || Number.isFinite(value)) return value;
    if (typeof value !== "object") return this.text(String(value));
    if (value instanceof Error) return this.#error(value, depth, true);
    if (value instanceof URL) return this.text(value.href);
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
    if (depth < MAX_LOG_DEPTH) {
      if (Array.isArray(value)) return this.#list(value, (item) => this.#value(item, depth + 1));
      const prototype: unknown = Object.getPrototypeOf(value);
      if (prototype === Object.prototype || prototype === null) return this.record(value, depth);
    }
    return this.text(printed(value));
  }

  #list(items: readonly unknown[], copyOf: (item: unknown) => unknown): unknown[] {
    const copy: unknown[] = [];
    for (const item of items) {
      if (this.#left <= 0) {
        copy.push(`… (${items.length - copy.length} more)`);
        break;
      }
      copy.push(copyOf(item));
    }
    return copy;
  }

  #error(error: Error, depth: number, withStack: boolean): Record<string, unknown> {
    const { name, message, cause } = error;
    const copy: Record<string, unknown> = { name: this.text(String(name)), message: this.text(String(message)) };
    if ("code" in error && (typeof error.code === "string" || typeof error.code === "number")) copy.code = error.code;
    if (withStack) copy.stack = this.text(foldFrames(printed(error)));
    if (depth >= MAX_LOG_DEPTH) return copy;
    const inner = (value: unknown) =>
      value instanceof Error ? this.#error(value, depth + 1, false) : this.#value(value, depth + 1);
    if (cause !== undefined) copy.cause = inner(cause);
    if ("errors" in error && Array.isArray(error.errors)) copy.errors = this.#list(error.errors, inner);
    return copy;
  }
}

function printed(value: object): string {
  return inspect(value, { depth: 2, maxArrayLength: 20, maxStringLength: 1_000, breakLength: 120 });
}
