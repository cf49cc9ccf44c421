import { type LogRecord, openActorNursery, openRootActor, runMain, useLog } from "espalier";

export function* connect({ host }: { host: string }) {
  const log = yield* useLog();
  log.info("connected", { host, tries: 2 });
  log.error(new RangeError("no such symbol", { cause: new TypeError("it is a number") }));
}

function print({ level, actor, dialog, message, fields }: LogRecord) {
  const { error, ...facts } = fields ?? {};
  console.log(level, actor.split("@")[0], dialog ?? "-", message, JSON.stringify(facts));
}

runMain(import.meta, function* () {
  yield* openRootActor(
    function* (actor) {
      actor.log.info("here we go");
      yield* openActorNursery(function* (an) {
        const portal = yield* an.startActor("feed", { enableModules: [import.meta.url] });
        yield* portal.run(connect, { host: "example.org" });
        yield* portal.cancelActor();
      });
    },
    { logLevel: "info", logTo: print },
  );
});
