/**
 * An async iterator whose items a task gives: started by the first `next()`, never more than one item ahead, and cancelled
 * and waited for when the loop is left. Not an async generator: that would make who leaves wait for the next item.
 */
import type { Operation } from "effection";
import { isCancelled, park, type RunOptions, run } from "../core/mod.ts";
import { Conduit } from "../to_promise/mod.ts";
import { forEachItem, type StreamSource } from "./stream-source.ts";

/** Gives items to `send`, which says whether more are wanted. */
export type Feed<T> = (send: (item: T) => Operation<boolean>) => Operation<void>;

/** Starts a task: how it ends, and how it is cancelled. */
export type Launch = (body: () => Operation<void>) => {
  readonly ended: Promise<unknown>;
  cancel(reason: string): void;
};

type State = "new" | "running" | "ended" | "left";

export class TaskIterator<T> implements AsyncIterableIterator<T, void> {
  readonly #items = new Conduit<T>(0);
  readonly #feed: Feed<T>;
  readonly #launch: Launch;
  #task: ReturnType<Launch> | undefined;
  #state: State = "new";
  /** What the task has failed with, until somebody was told. */
  #failure: { readonly error: unknown } | undefined;

  constructor(feed: Feed<T>, launch: Launch) {
    this.#feed = feed;
    this.#launch = launch;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T, void>> {
    if (this.#state === "new") this.#start();
    return new Promise((resolve, reject) => {
      this.#items.take({
        wake: (value) => resolve({ done: false, value }),
        fail: () => {
          const failure = this.#takeFailure();
          if (failure === undefined) resolve({ done: true, value: undefined });
          else reject(failure.error);
        },
      });
    });
  }

  /** Leave the loop: cancel the task, wait until it has unwound. @throws (as rejection) what it has failed with, unseen yet */
  async return(): Promise<IteratorResult<T, void>> {
    const task = this.#task;
    const wasRunning = this.#state === "running";
    this.#state = "left";
    if (task === undefined) this.#items.closeTakes(() => undefined);
    else this.#items.failTakes(() => undefined);
    if (wasRunning && task !== undefined) {
      task.cancel("the iteration was left");
      await task.ended.catch((error: unknown) => {
        if (!isCancelled(error)) throw error;
      });
    }
    const failure = this.#takeFailure();
    if (failure !== undefined) throw failure.error;
    return { done: true, value: undefined };
  }

  #start(): void {
    this.#state = "running";
    this.#task = this.#launch(() => this.#feed((item) => this.#send(item)));
    this.#task.ended.then(
      () => this.#ended(),
      (error: unknown) => {
        // Who has left is told by `return`.
        if (this.#state === "running") this.#failure = { error };
        this.#ended();
      },
    );
  }

  *#send(item: T): Operation<boolean> {
    yield* park<void>(
      "the iteration to go on",
      (waker) => {
        const undo = this.#items.put(item, waker);
        return () => {
          undo();
          return true;
        };
      },
      { byHost: true },
    );
    return true;
  }

  #ended(): void {
    if (this.#state === "running") this.#state = "ended";
    this.#items.closeTakes(() => undefined);
  }

  #takeFailure(): { readonly error: unknown } | undefined {
    const failure = this.#failure;
    this.#failure = undefined;
    return failure;
  }
}

/** The items of `source`, given by a tree of tasks of its own. */
export function iteratorOf<T>(source: StreamSource<T>, options: RunOptions): TaskIterator<T> {
  return new TaskIterator(
    (send) => forEachItem(source, send),
    (body) => {
      const ended = run(body, options);
      return { ended, cancel: (reason) => ended.cancel(reason) };
    },
  );
}
