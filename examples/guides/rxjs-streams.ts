import { Readable, Transform } from "node:stream";
import { EndOfChannel, openNursery, runMain } from "espalier";
import { fromReadable, intoWritable, toReadable, toReadableStream } from "espalier/interop";
import { collect } from "./numbers.ts";

/** Numbers from 1 on: any object with `receive()` is a source. */
const upTo = (last: number) => {
  let n = 0;
  return {
    *receive() {
      if (n === last) throw new EndOfChannel();
      return ++n;
    },
  };
};

runMain(import.meta, function* () {
  // A stream of Node, read by a task.
  const words = yield* fromReadable<string>(Readable.from(["read ", "by ", "tasks"]));
  console.log((yield* collect(words)).join(""));

  // Written by a task, through a transform, and read by another, each at the pace of the next.
  const double = new Transform({ objectMode: true, transform: (n, _encoding, done) => done(null, n * 2) });
  yield* openNursery(function* (n) {
    n.startSoon(() => intoWritable(upTo(4), double));
    console.log(yield* collect(yield* fromReadable<number>(double)));
  });

  // Made of what tasks give, for libraries that take streams.
  const ofNode = toReadable(upTo(3)).map((n: number) => n + 100);
  console.log(yield* collect(yield* fromReadable<number>(ofNode)));
  console.log(yield* collect(yield* fromReadable(toReadableStream(upTo(3)))));
});
