/**
 * A tree of tasks beside the one that starts it: for what outlives the block that began it. Its scope is the last bound of
 * its life, and waits for it; whoever starts one cancels it before.
 */
import type { Operation, Result, Scope } from "effection";
import { isCancelled } from "../errors/mod.ts";
import { enterTree } from "./bridge.ts";
import { CancelStatus } from "./cancel-tree.ts";
import { type Clock, ClockContext } from "./clock.ts";
import { useTask } from "./task.ts";
import { err, ok } from "./wait.ts";

/** @internal */
export class SideTree<T> {
  readonly #status = new CancelStatus(undefined);
  readonly #name: string;
  readonly #onEnd: (result: Result<T | undefined>) => void;

  /** @param onEnd - told once, when all of it has ended: its value, undefined if it was cancelled, or its error */
  constructor(name: string, onEnd: (result: Result<T | undefined>) => void) {
    this.#name = name;
    this.#onEnd = onEnd;
  }

  /** Start `body` in `scope`, which ends it at the latest. Does not wait; to be performed in a task of ours. */
  *start(scope: Scope, body: () => Operation<T>): Operation<void> {
    const clock = (yield* useTask())?.clock ?? scope.expect(ClockContext);
    scope.run(() => this.#run(body, clock));
  }

  /** Plain and synchronous; `onEnd` tells when it has unwound. */
  cancel(reason: string): void {
    this.#status.cancel({ source: "cancel", reason });
  }

  /** In Effection's tree, where an error would fail all of the scope: it is told instead. */
  *#run(body: () => Operation<T>, clock: Clock): Operation<void> {
    let result: Result<T | undefined> = err(new Error(`"${this.#name}" was ended with the scope that it was in`));
    try {
      result = ok(yield* enterTree({ name: this.#name, status: this.#status, clock }, body));
    } catch (error) {
      result = isCancelled(error) ? ok(undefined) : err(error);
    } finally {
      this.#onEnd(result);
    }
  }
}
