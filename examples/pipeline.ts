/** Four processes in a row, each reading from the next: `node --import tsx examples/pipeline.ts`. */
import type { Operation } from "effection";
import {
  CancelScope,
  each,
  openActorNursery,
  type ProducerEndpoint,
  producer,
  runMain,
  type SendStream,
} from "espalier";

interface Reading {
  readonly at: number;
  readonly celsius: number;
}

export const measured = producer(function* (out: SendStream<Reading>) {
  for (let at = 0; ; at++) yield* out.send({ at, celsius: 20 + (at % 7) - (at % 3) }); // as fast as it is read
});

export const smoothed = producer(function* (out: SendStream<Reading>) {
  let before: number | undefined;
  yield* from("thermometer", measured, function* ({ at, celsius }) {
    before = before === undefined ? celsius : before * 0.75 + celsius * 0.25;
    yield* out.send({ at, celsius: before });
  });
});

export const alarms = producer(function* (out: SendStream<string>) {
  yield* from("smoother", smoothed, function* ({ at, celsius }) {
    if (celsius > 23) yield* out.send(`${at}: ${celsius.toFixed(2)} °C`);
  });
});

/** Start the process before us in the row, and handle each of its items. Leaving it ends it, and all before it. */
function* from<T>(name: string, source: ProducerEndpoint<object, T>, handle: (item: T) => Operation<void>) {
  yield* openActorNursery(function* (an) {
    const portal = yield* an.startActor(name, { enableModules: [import.meta.url] });
    yield* portal.openStreamFrom(source, {}, function* (stream) {
      for (const item of yield* each(stream)) {
        yield* handle(item as T);
        yield* each.next();
      }
    });
  });
}

runMain(import.meta, function* () {
  let count = 0;
  yield* new CancelScope().run((enough) =>
    from("watch", alarms, function* (alarm) {
      console.log(alarm);
      if (++count === 5) enough.cancel();
    }),
  );
  console.log("all four have ended");
});
