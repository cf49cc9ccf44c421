/** Structured concurrency inside one process: trio's semantics on Effection operations. */
export { withAbortSignal } from "./abort-signal.ts";
export {
  type Broadcast,
  type BroadcastOptions,
  type BroadcastSource,
  type BroadcastStatistics,
  broadcast,
  DEFAULT_BROADCAST_CAPACITY,
  type SubscribeOptions,
  type Subscriber,
} from "./broadcast.ts";
export { CancelScope, type CancelScopeOptions } from "./cancel-scope.ts";
export { CapacityLimiter, type LimiterStatistics } from "./capacity-limiter.ts";
export { type Clock, ClockContext, type Disarm, realClock } from "./clock.ts";
export { all, race } from "./combinators.ts";
export { Condition } from "./condition.ts";
export { Deferred } from "./deferred.ts";
export { each, IN_PLACE, type LeavableSubscription, type PromptSubscription } from "./each.ts";
export { Event } from "./event.ts";
export { Fifo } from "./fifo.ts";
export { GroundContext, peek } from "./ground.ts";
export { type Instrument, type WatchedTask, watchTasks } from "./instrument.ts";
export { Lock, StrictFIFOLock } from "./lock.ts";
export { type ChannelStatistics, openMemoryChannel, ReceiveChannel, SendChannel } from "./memory-channel.ts";
export { Nursery, type NurseryOptions, named, openNursery, type TaskStatus } from "./nursery.ts";
export { type Abort, ParkingLot, park, type Waker } from "./park.ts";
export { waitAllTasksBlocked } from "./quiet.ts";
export { type Run, type RunOptions, run, runIn } from "./run.ts";
export {
  DEFAULT_WORKER_TOKENS,
  defaultWorkerLimiter,
  type RunInWorkerOptions,
  runInWorker,
  WORKER_IDLE_MS,
} from "./run-in-worker.ts";
export { runMain } from "./run-main.ts";
export { shuffleRunOrder } from "./run-order.ts";
export { Semaphore } from "./semaphore.ts";
export { Sequencer } from "./sequencer.ts";
export { SideTree } from "./side-tree.ts";
export {
  cancelShieldedCheckpoint,
  checkpoint,
  checkpointIfCancelled,
  currentTime,
  sleep,
  sleepForever,
  sleepUntil,
} from "./sleep.ts";
export { type FormatOptions, formatTaskTree, type NurseryNode, type TaskNode, taskTree } from "./task-tree.ts";
export { currentEffectiveDeadline, failAfter, failAt, moveOnAfter, moveOnAt, shielded } from "./timeouts.ts";
export { DEFAULT_HOST_QUIET_MS, useVirtualClock, VirtualClock, type VirtualClockOptions } from "./virtual-clock.ts";
export { WorkerCloneError, WorkerDied, WorkerImportError } from "./worker-errors.ts";
