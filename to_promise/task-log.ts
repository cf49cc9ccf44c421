/** What Promise code gets to log with, so that its lines carry the name of its task. */
import { debuglog } from "node:util";

/** The part of `console` that a task needs; `console` itself will do. */
export interface TaskLog {
  debug(message: string, ...data: unknown[]): void;
  info(message: string, ...data: unknown[]): void;
  warn(message: string, ...data: unknown[]): void;
  error(message: string, ...data: unknown[]): void;
}

const debug = debuglog("espalier");

/** Errors and warnings go to stderr; the rest appears when `NODE_DEBUG=espalier` is set. */
export function defaultLog(taskName: string): TaskLog {
  const quiet = (message: string, ...data: unknown[]) => debug(`[${taskName}] ${message}`, ...data);
  return {
    debug: quiet,
    info: quiet,
    warn: (message, ...data) => console.warn(`[${taskName}] ${message}`, ...data),
    error: (message, ...data) => console.error(`[${taskName}] ${message}`, ...data),
  };
}
