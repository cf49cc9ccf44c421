/** Links that break while they are in use. */
import { ActorDied, type ExceptionGroup, openActorNursery, openNursery } from "espalier";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { LogFile } from "../support/log-file.ts";
import { errorOf } from "../support/outcome.ts";
import { breaksLink, breaksLinkLater, counts, hogsMemory } from "./fixtures/faults.ts";

const enableModules = [new URL("./fixtures/faults.ts", import.meta.url)];

describe("a link that breaks in the middle of a stream", () => {
  useCensus();

  it.each(["half-close", "reset", "garbage"] as const)(
    "B44 B45 by %s ends both tasks, and the child is reaped, also where the stream is closed right after",
    function* (how) {
      const log = new LogFile();
      let seen: unknown;
      const error = yield* errorOf(
        openActorNursery(function* (an) {
          const portal = yield* an.startActor("broken", { enableModules });
          yield* openNursery(function* (n) {
            yield* portal.openContext(counts, { log: log.path }, (ctx) =>
              ctx.openStream(function* (stream) {
                for (let i = 0; i < 3; i++) expect(yield* stream.receive()).toBe(i);
                n.startSoon(() => errorOf(portal.run(breaksLink, { how })));
                try {
                  for (;;) yield* stream.receive();
                } catch (cut) {
                  seen = cut; // and the stream is closed
                }
              }),
            );
          });
        }),
      );
      expect(["TransportClosed", "Cancelled"]).toContain((seen as Error).name);
      const names = (error as ExceptionGroup).leaves().map((leaf) => (leaf as Error).name);
      expect(names).toContain("TransportClosed");
      for (const name of names) expect(["TransportClosed", "ActorDied"]).toContain(name);
      expect(log.lines).toEqual(["unwound"]); // in the child, before it ended
    },
  );
});

describe("a link that breaks while nothing is asked", () => {
  useCensus();

  it.each(["half-close", "reset", "garbage"] as const)(
    "B44 by %s ends the child, and is told as its death, with what it said of that",
    function* (how) {
      const error = yield* errorOf(
        openActorNursery(function* (an) {
          const options = { enableModules, stdio: { stderr: "ignore" } } as const;
          const portal = yield* an.startActor("cut off", options);
          yield* portal.run(breaksLinkLater, { how });
        }),
      );
      const [died, ...others] = (error as ExceptionGroup).leaves();
      expect(others).toEqual([]);
      expect(died).toMatchObject({ name: "ActorDied", actor: { name: "cut off" }, exitCode: 1 });
      expect((died as ActorDied).stderrTail).toContain("the link to the parent has ended");
    },
  );
});

describe("a child that takes too much memory", () => {
  useCensus();

  it("dies at the bound it was given, and says so", function* () {
    const error = yield* errorOf(
      openActorNursery(function* (an) {
        const options = { enableModules, maxHeapMb: 64, stdio: { stderr: "ignore" } } as const;
        yield* an.runInActor(hogsMemory, undefined, { name: "hog", ...options });
      }),
    );
    const died = (error as ExceptionGroup).leaves().find((leaf) => leaf instanceof ActorDied);
    expect(died).toMatchObject({ name: "ActorDied", signal: "SIGABRT" });
    expect(String(died?.stderrTail)).toMatch(/heap/i);
  });
});
