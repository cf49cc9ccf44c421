import { sleep } from "espalier";
import { observable, toObservable } from "espalier/interop";
import { finalize, map, range, timer } from "rxjs";

export const ticks = observable(({ symbol }: { symbol: string }) =>
  timer(0, 5).pipe(
    map((id) => ({ id, symbol })),
    finalize(() => console.log(`there: ${symbol} unsubscribed from`)),
  ),
);

/** 100 items at once: more than may wait here, so most are dropped, by the policy that is named. */
export const newest = observable({ capacity: 3, overflow: "drop-oldest" }, () => range(1, 100));

/** The same without a policy that drops: the consumer is told. */
export const burst = observable({ capacity: 3 }, () => range(1, 100));

/** A source that can wait is held up while the consumer is behind. */
export const patient = observable({ capacity: 3 }, (_args: object, { pressure }) => {
  let n = 0;
  const source = {
    *receive() {
      yield* sleep(1);
      return ++n;
    },
  };
  return toObservable(source, { pressure }).pipe(map((id) => id * 10));
});

export function* square({ n }: { n: number }) {
  yield* sleep(10 - n);
  return n * n;
}
