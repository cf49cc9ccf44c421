/** What Promise code gets to log with, so that its lines carry the name of its task. */
import { debuglog } from "node:util";
import { type LogFields, logHere } from "../log/mod.ts";

/** The part of `console` that a task needs; `console` itself will do. */
export interface TaskLog {
  debug(message: string, ...data: unknown[]): void;
  info(message: string, ...data: unknown[]): void;
  warn(message: string, ...data: unknown[]): void;
  error(message: string, ...data: unknown[]): void;
}

const debug = debuglog("espalier");

/**
 * Where an actor runs, its log. Elsewhere errors and warnings go to stderr; the rest, and `debug` everywhere, appears when
 * `NODE_DEBUG=espalier` is set.
 */
export function defaultLog(taskName: string): TaskLog {
  const source = { task: taskName };
  const quiet = (message: string, ...data: unknown[]) => debug(`[${taskName}] ${message}`, ...data);
  /** Asked at each call: a promise may outlive the actor that it began in. */
  const through =
    (level: "info" | "warn" | "error", otherwise: TaskLog["info"]): TaskLog["info"] =>
    (message, ...data) => {
      const log = logHere(source);
      if (log === undefined) otherwise(message, ...data);
      else log[level](message, fieldsOf(data));
    };
  return {
    debug: quiet,
    info: through("info", quiet),
    warn: through("warn", (message, ...data) => console.warn(`[${taskName}] ${message}`, ...data)),
    error: through("error", (message, ...data) => console.error(`[${taskName}] ${message}`, ...data)),
  };
}

/** What `console` takes after its message: one record is fields, one error is the error. */
function fieldsOf(data: readonly unknown[]): LogFields | undefined {
  const [first] = data;
  if (data.length === 0) return undefined;
  if (data.length > 1) return { data };
  if (first instanceof Error) return { error: first };
  const isFields = typeof first === "object" && first !== null && Object.getPrototypeOf(first) === Object.prototype;
  return isFields ? { ...first } : { data: first };
}
