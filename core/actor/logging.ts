/** The log of an actor while it runs: from which level on, and where it goes. */
import type { Operation } from "effection";
import {
  checkLogLevel,
  DEFAULT_LOG_LEVEL,
  isLogLevel,
  journal,
  LOG_LEVELS,
  LOG_VARIABLE,
  type LogLevel,
  type LogSink,
  StderrLog,
} from "../log/mod.ts";
import { wallTime } from "../sc/clock.ts";
import { type RuntimeWarning, redirectWarnings } from "../warnings.ts";
import type { Actor } from "./actor.ts";
import type { LogRelay } from "./log-relay.ts";
import type { RuntimeVars } from "./runtime-vars.ts";

export interface Logging {
  /** Of this actor. */
  readonly level: LogLevel;
  /** Of those below. */
  readonly treeLevel: LogLevel;
  readonly sink: LogSink;
  /** Nothing more will be logged. */
  end(): void;
}

/** @throws TypeError for what is no level, or no function */
export function rootLogging(logLevel: LogLevel | undefined, logTo: LogSink | undefined): Logging {
  checkLogLevel("logLevel", logLevel);
  if (logTo !== undefined && typeof logTo !== "function") {
    throw new TypeError(`logTo: give a function that takes a record, got ${typeof logTo}`);
  }
  const level = logLevel ?? DEFAULT_LOG_LEVEL;
  if (logTo !== undefined) return { level, treeLevel: level, sink: logTo, end: () => {} };
  const since = wallTime();
  // Not before there is something to write: the host opens stderr on first use.
  let stderr: StderrLog | undefined;
  const sink: LogSink = (record) => {
    stderr ??= new StderrLog({ since });
    stderr.write(record);
  };
  return { level, treeLevel: level, sink, end: () => stderr?.close() };
}

export function childLogging({ logLevel, ownLogLevel }: RuntimeVars, relay: LogRelay): Logging {
  return { level: ownLogLevel ?? logLevel, treeLevel: logLevel, sink: relay.write, end: () => relay.flush() };
}

/** Run `body` while what is logged in this process is the actor's. */
export function* whileLogging<T>(actor: Actor, logging: Logging, body: () => Operation<T>): Operation<T> {
  const given = process.env[LOG_VARIABLE];
  const fixed = isLogLevel(given);
  const { level, sink } = logging;
  const close = journal.open({ actor: actor.id, level: fixed ? given : level, fixed, sink });
  const restore = redirectWarnings(logWarning);
  if (!fixed && given !== undefined && given !== "" && actor.isRoot) {
    const message = `${LOG_VARIABLE}=${given} is ignored: a log level is one of ${LOG_LEVELS.join(", ")}`;
    journal.write("warn", "log.level", message);
  }
  try {
    return yield* body();
  } finally {
    logging.end();
    restore();
    close();
  }
}

function logWarning({ type, message, error, detail }: RuntimeWarning): void {
  journal.write("warn", `warning.${type}`, message, error === undefined ? { detail } : { error });
}
