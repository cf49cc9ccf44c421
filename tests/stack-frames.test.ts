import { inspect } from "node:util";
import { ExceptionGroup, failAfter, ModuleNotExposed, openNursery, sleepForever, TooSlowError } from "espalier";
import { afterEach } from "vitest";
import { foldFrames } from "../core/stack-frames.ts";
import { describe, expect, it } from "./support/it.ts";
import { errorOf } from "./support/outcome.ts";

describe("stacks as they are printed", () => {
  afterEach(() => {
    delete process.env.ESPALIER_STACKS;
  });

  it("keep the reader's own frames, in boxes too, and leave out those of the runtime, Effection and Node", () => {
    const own = ["    at mine (/home/me/app/main.ts:1:2)", "  |     at theirs (file:///home/me/app/feed.ts:3:4)"];
    const runtime = [
      `    at Task.run (${new URL("../core/sc/task.ts", import.meta.url).pathname}:1:1)`,
      "  |     at Generator.next (<anonymous>)",
      "    at with (file:///home/me/app/node_modules/effection/esm/lib/context.js:35:31)",
      "    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)",
    ];
    const lines = ["Error: at home", own[0], ...runtime, own[1], "data: { at: 1 }"];
    expect(foldFrames(lines.join("\n"))).toBe(["Error: at home", ...own, "data: { at: 1 }"].join("\n"));
  });

  it("keep the bracket of the properties that follow the last frame", () => {
    const lines = [
      "Error: x",
      "    at mine (/home/me/main.ts:1:2)",
      "    at Generator.next (<anonymous>) {",
      "  code: 1",
      "}",
    ];
    expect(foldFrames(lines.join("\n"))).toBe(
      ["Error: x", "    at mine (/home/me/main.ts:1:2) {", "  code: 1", "}"].join("\n"),
    );
  });

  it("keep everything on request", () => {
    process.env.ESPALIER_STACKS = "full";
    const text = "Error: x\n    at Generator.next (<anonymous>)";
    expect(foldFrames(text)).toBe(text);
  });

  it("leave out the runtime's of its own errors, which print as errors do in all else", function* () {
    const error = yield* errorOf(
      failAfter(5, function* () {
        yield* sleepForever();
      }),
    );
    expect(error).toBeInstanceOf(TooSlowError);
    expect((error as Error).stack).toContain("core/sc/");
    const cause = new ModuleNotExposed("feed", ["shop"]);
    (error as Error).cause = cause;
    (cause as Error).cause = error; // and back
    const printed = inspect(error);
    expect(printed).toMatch(/^TooSlowError: took longer than 5 ms\n +at \S.*stack-frames\.test\.ts.* \{\n/s);
    expect(printed).toMatch(/cause: .*ModuleNotExposed: .*namespace: 'feed'.*Circular/s);
    expect(printed).not.toContain("core/sc/");
    expect(inspect(error)).toBe(printed);
    expect(inspect(Object.freeze(new TooSlowError(7)))).toMatch(/^TooSlowError: took longer than 7 ms\n +at \S/);
  });

  it("are those of every error class that users can meet", async () => {
    const modules = [
      await import("../core/mod.ts"),
      await import("../to_promise/mod.ts"),
      await import("../interop/mod.ts"),
      await import("../trionics/mod.ts"),
    ];
    const classes = modules
      .flatMap((exports) => Object.values(exports) as unknown[])
      .filter((value): value is typeof Error => typeof value === "function" && value.prototype instanceof Error);
    expect(classes.length).toBeGreaterThan(40);
    expect(classes.filter(({ prototype }) => !(inspect.custom in prototype)).map(({ name }) => name)).toEqual([]);
  });

  it("show a group with its count, the place of its block, and its members", function* () {
    const error = yield* errorOf(
      openNursery(function* parent(n) {
        n.startSoon(function* child() {
          throw new Error("boom");
        });
      }),
    );
    expect(error).toBeInstanceOf(ExceptionGroup);
    const printed = inspect(error);
    expect(printed).toMatch(/^ExceptionGroup: a task of nursery "parent" failed \(1 sub-error\)\n/);
    expect(printed).toContain("+-- 1: Error: boom");
    expect(printed).toContain("stack-frames.test.ts");
    expect(printed).not.toContain("core/sc/");
    expect((error as Error).stack).toContain("core/sc/");
  });
});
