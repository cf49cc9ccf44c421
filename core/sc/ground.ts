/**
 * What a tree of tasks stands on: the Effection scope of its root, or of the actor that it is part of. What several tasks
 * share, and none of their blocks owns, is put there; whoever does so sees to it that it ends in time.
 */
import { type Context, createContext, type Operation, type Scope, useScope } from "effection";
import { useTask } from "./task.ts";

/** Set by every outermost tree, and by an actor for all that is inside it. */
export const GroundContext = createContext<Scope>("espalier.ground");

/** The value of a context where the current task stands, without a scope of its own made for the question. */
export function* peek<T>(context: Context<T>): Operation<T | undefined> {
  const task = yield* useTask();
  const scope = task === undefined ? yield* useScope() : (task.scopeNow ?? task.homeNow);
  return scope.get(context);
}

/** Run `body` with the scope that the current task stands in as the ground of all that it starts. */
export function* asGround<T>(body: () => Operation<T>): Operation<T> {
  return yield* GroundContext.with(yield* useScope(), body);
}
