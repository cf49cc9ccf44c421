/** Structured logs: levels, records, the journal of this process, and where records go. */
export { jsonLine, prettyLine } from "./format.ts";
export { journal, type LogSink, type LogSource } from "./journal.ts";
export { checkLogLevel, DEFAULT_LOG_LEVEL, isLogLevel, LOG_LEVELS, LOG_VARIABLE, type LogLevel } from "./level.ts";
export { MAX_LOG_BYTES_UNDER_WAY } from "./limits.ts";
export { Log, logHere } from "./log.ts";
export { type LogOutlet, LogQueue } from "./log-queue.ts";
export { type LogFields, type LogRecord, plainRecord } from "./record.ts";
export { lostRecords, StderrLog } from "./stderr-log.ts";
