/** espalier: structured concurrency for Node process trees. */
export * from "./actor/mod.ts";
export * from "./actor-id.ts";
export * from "./errors/mod.ts";
export * from "./exception-group.ts";
export { LOG_LEVELS, Log, type LogFields, type LogLevel, type LogRecord, type LogSink, logHere } from "./log/mod.ts";
export type { Leaks, OnIgnoredAbort, PromisePolicy, TaskLog } from "./promise/mod.ts";
export * from "./rpc/mod.ts";
export * from "./sc/mod.ts";
export { foldWhenPrinted, userFrame } from "./stack-frames.ts";
export { type RuntimeWarning, reportWarning } from "./warnings.ts";
export { type ErrorClassOptions, type ErrorOrigin, type ExtensionType, originOf } from "./wire/mod.ts";
