import { each, producer, type ReceiveStream, type SendStream, sleep } from "espalier";

interface Numbers {
  upTo: number;
  last?: "fails" | "dies";
}

export const numbers = producer(function* (out: SendStream<number>, { upTo, last }: Numbers) {
  for (let n = 1; n <= upTo; n++) yield* out.send(n); // waits where the consumer is slower
  if (last === "fails") throw new RangeError("no more numbers");
  yield* sleep(50);
  if (last === "dies") process.kill(process.pid, "SIGKILL");
});

/** For consumers: all items, one after the other. */
export function* collect<T>(stream: Pick<ReceiveStream<T>, typeof Symbol.iterator>) {
  const items: T[] = [];
  for (const item of yield* each(stream)) {
    items.push(item);
    yield* each.next();
  }
  return items;
}
