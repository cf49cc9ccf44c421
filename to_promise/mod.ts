/** Promise code under structured concurrency: from a task into promises, with neither outliving the other. */
export { Conduit, type MakeError } from "./conduit.ts";
export {
  PromiseAborted,
  PromiseIgnoredAbort,
  PromiseNotStarted,
  PromiseTaskExited,
  ScCancelled,
  ScTaskExited,
} from "./errors.ts";
export { DEFAULT_GRACE_MS, type LinkedTaskOptions } from "./linked-task.ts";
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
export type { TaskLog } from "./task-log.ts";
