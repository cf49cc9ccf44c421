/** How important a record is. The first three levels are the runtime's own, the last three are for everybody. */

/**
 * From the least important to the most. `transport`: connections; `runtime`: processes and dialogs; `cancel`: who ends
 * what, and how that goes.
 */
export const LOG_LEVELS = ["transport", "runtime", "cancel", "info", "warn", "error"] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];

export const DEFAULT_LOG_LEVEL: LogLevel = "warn";

/** The environment variable that sets the level of a whole tree, whatever its program says. */
export const LOG_VARIABLE = "ESPALIER_LOG";

/** Its place among the levels. */
export const RANK: Readonly<Record<LogLevel, number>> = {
  transport: 0,
  runtime: 1,
  cancel: 2,
  info: 3,
  warn: 4,
  error: 5,
};

export function isLogLevel(value: unknown): value is LogLevel {
  return typeof value === "string" && Object.hasOwn(RANK, value);
}

/** @throws TypeError if `value` is neither a level nor undefined, naming where it was given */
export function checkLogLevel(where: string, value: unknown): asserts value is LogLevel | undefined {
  if (value === undefined || isLogLevel(value)) return;
  throw new TypeError(`${where}: ${JSON.stringify(value)} is not a log level; it is one of ${LOG_LEVELS.join(", ")}`);
}
