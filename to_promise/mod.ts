/** Promise code under structured concurrency: from a task into promises, with neither outliving the other. */
export {
  type LeftBehind,
  PromiseAborted,
  PromiseIgnoredAbort,
  PromiseLeaked,
  ScCancelled,
} from "../core/mod.ts";
export { DEFAULT_GRACE_MS, type LinkedTaskOptions, type TaskLog } from "../core/promise/mod.ts";
export { Conduit, type MakeError } from "./conduit.ts";
export { ClientNotClosed, PromiseNotStarted, PromiseTaskExited, ScTaskExited } from "./errors.ts";
export {
  type ChannelFunction,
  type ChannelOptions,
  type ChannelTo,
  DEFAULT_CHANNEL_CAPACITY,
  DEFAULT_START_TIMEOUT_MS,
  openChannelFrom,
  openChannelFrom as open_channel_from,
} from "./open-channel-from.ts";
export { type ChannelTypes, MAX_WAITING_SENDS, type PromiseChannel, type Slot } from "./promise-channel.ts";
export {
  type ArgsAndOptions,
  type AsyncFunction,
  type PromiseTools,
  runTask,
  runTask as run_task,
} from "./run-task.ts";
export type { TaskChannel, TaskChannelStatistics } from "./task-channel.ts";
export { type ClientOptions, DEFAULT_CLOSE_TIMEOUT_MS, useClient } from "./use-client.ts";
