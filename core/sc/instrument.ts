/** Hooks for those who watch tasks: tracers, debuggers, profilers. When none is set each costs one comparison. */
import type { CancelCause } from "../errors/mod.ts";

/** What a hook is told of a task; the object is the task itself and may be kept as a key. */
export interface WatchedTask {
  readonly id: number;
  readonly name: string;
}

/** Called synchronously from the run queue. A hook must not throw and must not call back into the tasks. */
export interface Instrument {
  taskSpawned?(task: WatchedTask, parent: WatchedTask | undefined): void;
  taskScheduled?(task: WatchedTask): void;
  taskBlocked?(task: WatchedTask, on: string): void;
  taskExited?(task: WatchedTask): void;
  scopeCancelled?(cause: CancelCause): void;
}

/** The one in use. Read by the modules of this folder only. */
export let instrument: Instrument | undefined;

/** Watch every task of this process; returns what ends it. One watcher at a time: the latest one is called. */
export function watchTasks(hooks: Instrument): () => void {
  const before = instrument;
  instrument = hooks;
  return () => {
    if (instrument === hooks) instrument = before;
  };
}
