/** The context that a task serves, for code below its endpoint that was not handed it. */
import type { Operation } from "effection";
import type { CancelStatus } from "../sc/cancel-tree.ts";
import { useTask } from "../sc/task.ts";
import type { Context } from "./context.ts";
import type { Dialog } from "./endpoint.ts";

/** @internal By where the task of its endpoint stands: all that the endpoint starts stands below. */
export const contextAt = new WeakMap<CancelStatus, Context>();

/**
 * The context whose endpoint runs the current task, itself or through a nursery below it.
 *
 * @throws Error outside the endpoint of a context, as in a function that was called by `portal.run`
 */
export function* currentContext<D extends Dialog = Dialog>(): Operation<Context<D>> {
  const task = yield* useTask();
  for (let status = task?.status; status !== undefined; status = status.parent) {
    const context = contextAt.get(status);
    if (context !== undefined) return context as unknown as Context<D>;
  }
  throw new Error("currentContext(): this task serves no context; call it below an endpoint made by context(...)");
}
