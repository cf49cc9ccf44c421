import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { findViolations } from "../../.ci/check-imports.mjs";
import { useCensus } from "../support/census.ts";
import { runProgram } from "../support/program.ts";
import { useTempDir } from "../support/temp-dir.ts";

useCensus();

const violationsOf = (files: Record<string, string>) => findViolations(new Map(Object.entries(files)));

it.each([
  ["core/sc/task.ts", `import { x } from "../wire/frame.ts";`, "core/sc may not import core/wire/frame.ts"],
  [
    "core/errors/mod.ts",
    `import { x } from "../exception-group.ts";`,
    "core/errors may not import core/exception-group.ts",
  ],
  [
    "core/wire/frame.ts",
    `import type { x } from "../ipc/connection.ts";`,
    "core/wire may not import core/ipc/connection.ts",
  ],
  ["core/ipc/connection.ts", `import("../rpc/portal.ts");`, "core/ipc may not import core/rpc/portal.ts"],
  ["core/rpc/portal.ts", `import "../actor/actor.ts";`, "core/rpc may not import core/actor/actor.ts"],
  ["core/actor/actor.ts", `import { x } from "../cli/main.ts";`, "core/actor may not import core/cli/main.ts"],
  ["core/actor/actor.ts", `import { x } from "../mod.ts";`, "core/actor may not import core/mod.ts"],
  ["core/rpc/portal.ts", `import { x } from "../../to_promise/mod.ts";`, "core/rpc may not import to_promise/mod.ts"],
  ["to_promise/a.ts", `import { x } from "../core/sc/run.ts";`, "to_promise may not import core/sc/run.ts"],
  ["trionics/a.ts", `import { x } from "../interop/mod.ts";`, "trionics may not import interop/mod.ts"],
  ["interop/a.ts", `import { x } from "../to_promise/run-task.ts";`, "interop may not import to_promise/run-task.ts"],
  ["interop/a.ts", `import { x } from "../trionics/mod.ts";`, "interop may not import trionics/mod.ts"],
])("%s: %s goes up", (path, line, rule) => {
  expect(violationsOf({ [path]: `/** A module. */\n${line}\n` })).toEqual([
    expect.stringContaining(`${path}:2: ${rule}`),
  ]);
});

it.each([
  ["core/wire/frame.ts", `import { Socket } from "node:net";`, "core/wire is pure: it may not import node:net"],
  [
    "core/wire/frame.ts",
    `import { readFile } from "node:fs/promises";`,
    "core/wire is pure: it may not import node:fs/promises",
  ],
  [
    "core/wire/frame.ts",
    `import type { Operation } from "effection";`,
    "core/wire is pure: it may not import effection",
  ],
  ["core/errors/mod.ts", `import { call } from "effection";`, "core/errors is pure: it may not import effection"],
  ["to_promise/a.ts", `import { map } from "rxjs/operators";`, "only interop imports rxjs, not to_promise"],
  [
    "core/ipc/a.ts",
    `import { encode } from "@msgpack/msgpack";`,
    "only core/wire imports @msgpack/msgpack, not core/ipc",
  ],
])("%s: %s is another place's", (path, line, rule) => {
  expect(violationsOf({ [path]: line })).toEqual([`${path}:1: ${rule}`]);
});

it.each([
  ["setTimeout(fn, 1);", "setTimeout"],
  ["const now = Date.now;", "Date.now"],
  [`const text = \`\${Date.now()}\`;`, "Date.now"],
])("only the clock tells the time: %s", (line, name) => {
  expect(violationsOf({ "core/ipc/a.ts": `\n${line}` })).toEqual([
    `core/ipc/a.ts:2: only core/sc/clock.ts uses ${name}`,
  ]);
  expect(violationsOf({ "core/sc/clock.ts": line, "tests/sc/a.test.ts": line, "examples/a.ts": line })).toEqual([]);
});

it("only mod.ts re-exports", () => {
  const text = `export {\n  type x,\n} from "./b.ts";`;
  expect(violationsOf({ "core/sc/a.ts": text, "core/sc/mod.ts": text })).toEqual([
    "core/sc/a.ts:1: only mod.ts re-exports",
  ]);
});

it("paths end in .ts, in tests too", () => {
  expect(violationsOf({ "tests/sc/a.test.ts": `import { x } from "../../core/mod.js";\nimport "./b";` })).toEqual([
    `tests/sc/a.test.ts:1: paths end in .ts, not "../../core/mod.js"`,
    `tests/sc/a.test.ts:2: paths end in .ts, not "./b"`,
  ]);
});

it("a place without a layer is not forgotten", () => {
  expect(violationsOf({ "core/new/a.ts": "export const x = 1;" })).toEqual([
    "core/new/a.ts:1: no layer is defined for this place; add it to BELOW in .ci/check-imports.mjs",
  ]);
});

it("modules do not import each other in a ring, types may", () => {
  const ring = (keyword: string) => ({
    "core/sc/a.ts": `import { b } from "./b.ts";`,
    "core/sc/b.ts": `import { c } from "./c.ts";`,
    "core/sc/c.ts": `${keyword} { a } from "./a.ts";`,
  });
  expect(violationsOf(ring("import"))).toEqual([
    "core/sc/c.ts:1: import cycle: core/sc/a.ts -> core/sc/b.ts -> core/sc/c.ts -> core/sc/a.ts",
  ]);
  expect(violationsOf(ring("import type"))).toEqual([]);
  // This stays as an empty import when the types are gone.
  expect(violationsOf({ ...ring("import"), "core/sc/c.ts": `import { type a } from "./a.ts";` })).toHaveLength(1);
});

it("what is said in comments and strings is no use of it", () => {
  const text = `
    /* import { x } from "../actor/actor.ts"; setTimeout() */
    // Date.now() is forbidden
    const url = "https://example.org"; const text = "setTimeout"; const script = \`
    setTimeout(stop, 10);
    \`;`;
  expect(violationsOf({ "core/sc/a.ts": text })).toEqual([]);
});

it("imports that go down are right", () => {
  expect(
    violationsOf({
      "core/mod.ts": `export * from "./actor/mod.ts";\nexport * from "./errors/mod.ts";`,
      "core/cli/main.ts": `import { x } from "../mod.ts";\nimport { y } from "../actor/root.ts";`,
      "core/actor/root.ts": `import { x } from "../rpc/mod.ts";\nimport { run } from "../sc/mod.ts";\nimport { y } from "../wire/mod.ts";`,
      "core/wire/codec.ts": `import { Encoder } from "@msgpack/msgpack";\nimport { inspect } from "node:util";`,
      "interop/a.ts": `import { Observable } from "rxjs";\nimport { x } from "../core/mod.ts";\nimport { y } from "../to_promise/mod.ts";`,
    }),
  ).toEqual([]);
});

it("is a command that prints what is wrong and fails", async () => {
  const dir = useTempDir();
  mkdirSync(join(dir, "core", "sc"), { recursive: true });
  writeFileSync(join(dir, "core", "sc", "a.ts"), `import "../cli/main.ts";\n`);
  const { code, stdout, stderr } = await runProgram(".ci/check-imports.mjs", { args: [dir] });
  expect({ code, stdout }).toEqual({ code: 1, stdout: "imports of 1 files: 1 wrong\n" });
  expect(stderr).toMatch(/^core\/sc\/a\.ts:1: core\/sc may not import core\/cli\/main\.ts/);
});
