import type { Operation } from "effection";
import { park } from "../../core/sc/park.ts";

/** Let streams in memory and the run queue come to rest: they pass on what they have by microtask and `nextTick`. */
export function* macrotasks(count = 3): Operation<void> {
  for (let i = 0; i < count; i++) {
    yield* park<void>("a macrotask", ({ wake }) => {
      const immediate = setImmediate(wake);
      return () => {
        clearImmediate(immediate);
        return true;
      };
    });
  }
}
