/** What a source gives, for promise code that asks item by item; behind it runs a tree of tasks. */
import type { Operation } from "effection";
import { isCancelled, park, type Run, type RunOptions, run } from "../core/mod.ts";
import { Conduit } from "../to_promise/mod.ts";
import { forEachItem, type StreamSource } from "./stream-source.ts";

/**
 * The tree is started by the first `next()`, and is one item ahead at most. `return()` may be called at any time, also
 * while an item is waited for: it cancels the tree, and waits until that has unwound.
 */
export class TreeIterator<T> implements AsyncIterator<T, void> {
  readonly #source: StreamSource<T>;
  readonly #options: RunOptions;
  readonly #items = new Conduit<T>(0);
  #tree: Run<void> | undefined;
  #hasEnded = false;
  /** What it failed with, until somebody was told. */
  #failure: { readonly error: unknown } | undefined;

  constructor(source: StreamSource<T>, options: RunOptions) {
    this.#source = source;
    this.#options = options;
  }

  next(): Promise<IteratorResult<T, void>> {
    this.#start();
    return new Promise((resolve, reject) => {
      this.#items.take({
        wake: (value) => resolve({ done: false, value }),
        fail: (error) => (error === END ? resolve({ done: true, value: undefined }) : reject(error)),
      });
    });
  }

  /** @throws (as rejection) what the tree has failed with, unless `next` was told, or fails with while it unwinds */
  async return(): Promise<IteratorResult<T, void>> {
    this.#items.failTakes(() => END);
    if (!this.#hasEnded) {
      this.#hasEnded = true;
      this.#tree?.cancel("the iteration was left");
    }
    await this.#tree?.catch(() => {}); // kept in #failure
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined && !isCancelled(failure.error)) throw failure.error;
    return { done: true, value: undefined };
  }

  #start(): void {
    if (this.#tree !== undefined || this.#hasEnded) return;
    const tree = run(() => forEachItem(this.#source, (item) => this.#give(item)), this.#options);
    this.#tree = tree;
    tree.then(
      () => this.#end(),
      (error: unknown) => {
        this.#failure = { error };
        this.#end();
      },
    );
  }

  #end(): void {
    this.#hasEnded = true;
    this.#items.closeTakes(() => {
      const failure = this.#failure;
      this.#failure = undefined;
      return failure === undefined ? END : failure.error;
    });
  }

  *#give(item: T): Operation<boolean> {
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
}

/** What takers fail with in the good end. */
const END = Symbol("end");
