/**
 * vitest's `it` for operations: a test body may be a `function*`, run as the root task of a tree of its own. Plain and
 * async functions work as they do in vitest. A body that takes too long is cancelled, and its clean-up awaited, so that
 * a failing test leaves nothing behind for the next one.
 */

import type { Operation } from "effection";
import { describe, expect, it as vitestIt } from "vitest";
import { realClock } from "../../core/sc/clock.ts";
import { run } from "../../core/sc/run.ts";
import { shuffleRunOrder } from "../../core/sc/run-order.ts";
import { formatTaskTree } from "../../core/sc/task-tree.ts";

export { describe, expect };

/** How long a body may take; vitest's own limit comes later, for one whose clean-up hangs as well. */
const TIMEOUT_MS = 20_000;
const CLEAN_UP_MS = 10_000;

/** Orders tried by `it.shuffled`: always the same ones, so that a test which passes goes on passing. */
const SHUFFLES = 50;

export interface TestOptions {
  /** Milliseconds the body may take; a bare number means the same. */
  readonly timeout?: number;
}

interface It {
  (title: string, body: () => unknown, options?: TestOptions | number): void;
  /** One test for each row; a row that is an array is spread. The title is formatted as vitest does. */
  each<A extends readonly [unknown, ...unknown[]]>(
    rows: readonly A[],
  ): (title: string, body: (...row: [...A]) => unknown, options?: TestOptions | number) => void;
  each<R>(rows: readonly R[]): (title: string, body: (row: R) => unknown, options?: TestOptions | number) => void;
  /**
   * The body must hold in whatever order the tasks take their steps: it runs in `SHUFFLES` of them. A failure names its
   * seed, and `ESPALIER_TEST_SEED=<seed>` runs that one alone.
   */
  shuffled(title: string, body: () => unknown, options?: TestOptions | number): void;
}

export const it: It = Object.assign(
  (title: string, body: () => unknown, options?: TestOptions | number) => {
    const timeout = timeoutOf(options);
    vitestIt(title, { timeout: timeout + CLEAN_UP_MS }, () => perform(title, body, timeout));
  },
  {
    each:
      (rows: readonly unknown[]) =>
      (title: string, body: (...row: never[]) => unknown, options?: TestOptions | number) => {
        const timeout = timeoutOf(options);
        const test = (...row: unknown[]) => perform(title, () => body(...(row as never[])), timeout);
        vitestIt.each([...rows])(title, { timeout: timeout + CLEAN_UP_MS }, test);
      },
    shuffled: (title: string, body: () => unknown, options?: TestOptions | number) => {
      const timeout = timeoutOf(options);
      vitestIt(title, { timeout: timeout + CLEAN_UP_MS }, async () => {
        const replay = process.env.ESPALIER_TEST_SEED;
        const seeds = replay === undefined ? Array.from({ length: SHUFFLES }, (_, i) => i + 1) : [Number(replay)];
        for (const seed of seeds) await performShuffled(title, body, timeout, seed);
      });
    },
  },
);

function timeoutOf(options: TestOptions | number | undefined): number {
  return (typeof options === "number" ? options : options?.timeout) ?? TIMEOUT_MS;
}

async function performShuffled(title: string, body: () => unknown, timeoutMs: number, seed: number): Promise<void> {
  const restore = shuffleRunOrder(seed);
  try {
    await perform(title, body, timeoutMs);
  } catch (error) {
    throw new Error(`failed in the run order of ESPALIER_TEST_SEED=${seed}`, { cause: error });
  } finally {
    restore();
  }
}

async function perform(title: string, body: () => unknown, timeoutMs: number): Promise<void> {
  const made = body();
  if (!isOperation(made)) {
    await made;
    return;
  }
  const tree = run(() => made, { name: title });
  let late: Error | undefined;
  let disarmLast = () => {};
  const disarm = realClock.at(realClock.now() + timeoutMs, () => {
    late = new Error(
      `the test took longer than ${timeoutMs} ms and was cancelled; its tasks stood so:\n${formatTaskTree()}`,
    );
    tree.cancel(`the test took longer than ${timeoutMs} ms`);
  });
  // Shielded clean-up that hangs is not waited for for ever: the picture of the tasks is worth more.
  const hangs = new Promise<never>((_, reject) => {
    disarmLast = realClock.at(realClock.now() + timeoutMs + CLEAN_UP_MS / 2, () => reject(late));
  });
  try {
    await Promise.race([tree, hangs]);
  } catch (error) {
    throw late ?? error;
  } finally {
    disarm();
    disarmLast();
  }
  if (late !== undefined) throw late;
}

function isOperation(value: unknown): value is Operation<unknown> {
  return typeof value === "object" && value !== null && Symbol.iterator in value && !Array.isArray(value);
}
