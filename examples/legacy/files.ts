/** `chokidar` in an actor: an event emitter, made a stream of events that ends with its consumer. */
import { relative } from "node:path";
import { watch } from "chokidar";
import { each, producer } from "espalier";
import { fromEvents } from "espalier/interop";
import { useClient } from "espalier/to_promise";

export interface FileEvent {
  readonly what: string;
  readonly path: string;
}

/** What happens to the files of `dir`, from the moment that `ready` is said. */
export const fileEvents = producer<FileEvent, { dir: string }>(function* (out, { dir }) {
  const watcher = yield* useClient(
    () => watch(dir, { ignoreInitial: true }),
    (it) => it.close(),
    { name: "file watcher", watch: (it, lost) => void it.on("error", lost) },
  );
  const events = yield* fromEvents(watcher, ["ready", "all"], { capacity: 1_024, overflow: "error" });
  for (const { name, args } of yield* each(events)) {
    const [what, path] = name === "ready" ? ["ready", dir] : args.map(String);
    yield* out.send({ what: what ?? "", path: relative(dir, path ?? "") });
    yield* each.next();
  }
});
