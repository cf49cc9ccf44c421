/**
 * The border between Effection's tasks and ours. A foreign task that performs one of our block forms gets a tree of its
 * own: halting the foreign task cancels the tree, and the halt waits until the whole tree has ended.
 */
import { createScope, ensure, type Operation, type Result, scoped, useScope } from "effection";
import { isCancelled } from "../errors/mod.ts";
import { ExceptionGroup } from "../exception-group.ts";
import { CancelStatus } from "./cancel-tree.ts";
import { type Clock, ClockContext } from "./clock.ts";
import { GroundContext } from "./ground.ts";
import { instrument } from "./instrument.ts";
import { Task, type TaskOwner } from "./task.ts";
import { type Exit, NO_EXIT, ok, type Resolve, undoing, Wait } from "./wait.ts";

export interface TreeOptions {
  readonly name: string;
  /** Cancelling this cancels the tree; by default only the foreign task can. */
  readonly status?: CancelStatus;
  /** The clock the tree goes by; by default that of the Effection scope. */
  readonly clock?: Clock | undefined;
}

const roots = new Set<Task>();

/** The root tasks of all trees of this process, for dumps. */
export function rootTasks(): ReadonlySet<Task> {
  return roots;
}

/** Run `body` as the root task of a tree of ours inside a foreign Effection task. */
export function* enterTree<T>(options: TreeOptions, body: () => Operation<T>): Operation<T> {
  // A halt must not be delivered by `finally`: Effection loses it there. `ensure` keeps it, and waits.
  const outcome = yield* scoped(function* (): Operation<Result<unknown>> {
    const status = options.status ?? new CancelStatus(undefined);
    const clock = options.clock ?? (yield* ClockContext.expect());
    // Before `ensure`, so that it is destroyed after it: the tree's tasks live in this scope.
    const home = createScope(yield* useScope());
    const tree = new TreeEnd();
    yield* ensure(function* () {
      status.cancel({ source: "host", reason: "the surrounding Effection task was halted" });
      const ended = yield* tree;
      if (ended.ok || tree.wasTaken) return;
      const error = withoutCancelled(ended.error);
      if (!isCancelled(error)) throw error;
    });
    home.set(ClockContext, clock);
    if (home.get(GroundContext) === undefined) home.set(GroundContext, home);
    const root = new Task(options.name, body, tree, status, clock, () => home);
    roots.add(root);
    instrument?.taskSpawned?.(root, undefined);
    const ended = yield* tree;
    tree.wasTaken = true;
    return ended;
  });
  if (!outcome.ok) throw withoutCancelled(outcome.error);
  return outcome.value as T;
}

/** No scope outside of a tree takes what its own cancellation threw: it goes, unless it is all there is. */
function withoutCancelled(error: unknown): unknown {
  if (!(error instanceof ExceptionGroup) || !error.holdsCancelled) return error;
  const [cancelled, rest] = error.split(isCancelled);
  return rest ?? cancelled?.leaves()[0];
}

/** Owns a root task; waiting for it gives the outcome, however often it is asked. */
class TreeEnd extends Wait<Result<unknown>> implements TaskOwner {
  readonly description = "end of a task tree";
  /** Whether the outcome reached the caller, so that nobody reports its error twice. */
  wasTaken = false;
  #outcome: Result<unknown> | undefined;
  readonly #waiters = new Set<Resolve<Result<unknown>>>();

  childDone(task: Task, outcome: Result<unknown>): void {
    roots.delete(task);
    this.#outcome = outcome;
    for (const resolve of [...this.#waiters]) resolve(ok(outcome));
  }

  enter(resolve: Resolve<Result<unknown>>): Exit {
    if (this.#outcome !== undefined) {
      resolve(ok(this.#outcome));
      return NO_EXIT;
    }
    this.#waiters.add(resolve);
    return undoing(() => this.#waiters.delete(resolve));
  }
}
