/** Promise code under structured concurrency: from a task into promises, with neither outliving the other. */
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
  type ArgsAndOptions,
  type AsyncFunction,
  type PromiseTools,
  runTask,
  runTask as run_task,
} from "./run-task.ts";
export type { TaskLog } from "./task-log.ts";
