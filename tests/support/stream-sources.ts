/** Sources of streams for tests, and a reader of all that one gives. */
import type { Operation, Stream } from "effection";
import { each, shielded, sleepForever } from "espalier";
import { macrotasks } from "./macrotasks.ts";

/** 1, then nothing; cancelled it logs when it has unwound, and may fail. */
export function* lingering(log: string[], fails?: Error) {
  let given = 0;
  return {
    *receive(): Operation<number> {
      if (given++ === 0) return 1;
      try {
        return yield* sleepForever();
      } finally {
        yield* shielded(() => macrotasks());
        log.push("unwound");
        if (fails !== undefined) yield* throwing(fails);
      }
    },
  };
}

export function* throwing(error: Error): Operation<never> {
  throw error;
}

export function* collect<T>(stream: Stream<T, unknown>): Operation<T[]> {
  const items: T[] = [];
  for (const item of yield* each(stream)) {
    items.push(item);
    yield* each.next();
  }
  return items;
}
