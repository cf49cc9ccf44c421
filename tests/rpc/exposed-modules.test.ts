import { ExposedModules } from "../../core/rpc/exposed-modules.ts";
import { describe, expect, it } from "../support/it.ts";

const url = new URL("./fixtures/changes.ts", import.meta.url).href;

describe("what a module exposes", () => {
  it("is what it exports now, and not what was found when it was first asked for", function* () {
    const modules = yield* ExposedModules.load({ changes: url });
    const call = (func: string) => {
      // As for a request that comes in: for its types first, and then to be run.
      modules.typesOfStart("changes", func);
      const what = modules.find("changes", func);
      return what.kind === "function" ? what.fn({}, undefined) : undefined;
    };
    expect([call("current"), call("current"), call("change"), call("current")]).toEqual([
      "first",
      "first",
      undefined,
      "second",
    ]);
  });
});
