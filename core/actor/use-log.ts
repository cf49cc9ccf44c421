/** The log of the actor that a task runs in. */
import type { Operation } from "effection";
import { NoRuntime } from "../errors/mod.ts";
import { Log } from "../log/mod.ts";
import { useTask } from "../sc/task.ts";
import { actorHere } from "./actor.ts";

/**
 * The log of this actor, whose records name this task and the dialog that it serves.
 *
 * ```ts
 * const log = yield* useLog();
 * log.info("connected", { host, tries });
 * ```
 *
 * @throws NoRuntime outside an actor
 */
export function* useLog(): Operation<Log> {
  if ((yield* actorHere()) === undefined) throw new NoRuntime("useLog()");
  const task = yield* useTask();
  const dialog = task?.status.purpose;
  return new Log({ task: task?.name === dialog ? undefined : task?.name, dialog });
}
