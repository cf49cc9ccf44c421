import { until } from "effection";
import { currentActor, openRootActor } from "espalier";
import { rehearse } from "../../core/actor/rehearsal.ts";
import { journal } from "../../core/log/mod.ts";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";

/** What keeps a process alive, or would wake it. */
const handles = () => process.getActiveResourcesInfo().sort();

describe("the rehearsal of a blank", () => {
  useCensus();

  it("B10 is a whole life, of which nothing is left", function* () {
    const { title } = process;
    const id = { name: "(rehearsal)", uuid: crypto.randomUUID() };
    try {
      yield* until(rehearse(id));
      const before = handles();
      for (let i = 0; i < 10; i++) yield* until(rehearse(id));
      expect(process.title).toBe("espalier:(rehearsal)");
      expect(handles()).toEqual(before);
      expect(journal.isEnabled("error")).toBe(false);
      // There is one actor in a process: none may be left for the next.
      expect(yield* openRootActor(currentActor, { name: "next" })).toMatchObject({ name: "next" });
    } finally {
      process.title = title;
    }
  });
});
