/** Promise code that a task has called: supervised until it has settled, watched for what it leaves behind. */
export { CreationSite } from "./creation-site.ts";
export { hearRejections, surviveRejections } from "./late-rejections.ts";
export { DEFAULT_GRACE_MS } from "./limits.ts";
export { checkOptions, LinkedTask, type LinkedTaskOptions, type Outcome, toReason } from "./linked-task.ts";
export {
  type ActorPolicy,
  checkPolicy,
  completePolicy,
  currentPolicy,
  isLeaks,
  isOnIgnoredAbort,
  type Leaks,
  type OnIgnoredAbort,
  type PromisePolicy,
  policyOf,
  usePolicy,
} from "./policy.ts";
export { defaultLog, type TaskLog } from "./task-log.ts";
