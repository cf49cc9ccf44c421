import { openActorNursery, runMain } from "espalier";
import { collect } from "./numbers.ts";
import { add, chat, halves } from "./typed-feed.ts";

runMain(import.meta, function* () {
  yield* openActorNursery(function* (an) {
    const portal = yield* an.startActor("feed", { enableModules: [import.meta.resolve("./typed-feed.ts")] });

    const sum: number = yield* portal.run(add, { a: 1, b: 2 });
    console.log(sum);

    const said: number = yield* portal.openContext(chat, { room: "tea" }, function* (ctx, first) {
      console.log(first.last satisfies number);
      yield* ctx.openStream(function* (stream) {
        yield* stream.send({ text: "hello", at: "2026-01-01" }); // a date over there
        const { from, text } = yield* stream.receive();
        console.log(from satisfies string, "says", text);
      });
      return yield* ctx.waitForResult();
    });
    console.log(said);

    const numbers: number[] = yield* portal.openStreamFrom(halves, { of: 4 }, collect);
    console.log(numbers);
    yield* portal.cancelActor();
  });
});
