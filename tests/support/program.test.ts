import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { useCensus } from "./census.ts";
import { type ProgramOptions, runProgram, startProgram } from "./program.ts";
import { useTempDir } from "./temp-dir.ts";

useCensus();

const evaluate = (code: string, options: ProgramOptions = {}) =>
  startProgram("-e", { ...options, args: [code], execArgv: [] });

it("tells both outputs and the exit code", async () => {
  const program = evaluate("console.log('out'); console.error('err'); process.exitCode = 3");
  expect(await program.ended()).toMatchObject({ code: 3, signal: null, stdout: "out\n", stderr: "err\n" });
});

it("runs TypeScript from any folder, on what is compiled", async () => {
  const dir = useTempDir();
  const file = join(dir, "program.ts");
  const espalier = new URL("../../dist/core/mod.js", import.meta.url).href;
  writeFileSync(file, `import { run } from "${espalier}"; const kind: string = typeof run; console.log(kind);`);
  expect(await runProgram(file, { cwd: dir })).toMatchObject({ code: 0, stdout: "function\n" });
});

it("waits for output, sends signals and tells which one ended it", async () => {
  const program = evaluate("console.log('ready'); setInterval(() => {}, 1000)");
  await program.outputHas(/ready/);
  expect(program.processes().map((entry) => entry.pid)).toEqual([program.pid]);
  program.signal("SIGTERM");
  expect(await program.ended()).toMatchObject({ code: null, signal: "SIGTERM" });
});

it("interrupts the whole group, as a terminal does", async () => {
  const code = `
    const { spawn } = require("node:child_process");
    process.on("SIGINT", () => {});
    spawn(process.execPath, ["-e", "console.log('ready'); setInterval(() => {}, 1000)"], { stdio: "inherit" })
      .on("exit", (code, signal) => console.log(signal));`;
  const program = evaluate(code, { ownGroup: true });
  await program.outputHas(/ready/);
  program.interrupt();
  expect(await program.ended()).toMatchObject({ code: 0, stdout: "ready\nSIGINT\n" });
});

it("fails with the output when the program ends without what was waited for", async () => {
  const program = evaluate("console.log('other')");
  await expect(program.outputHas(/ready/)).rejects.toThrow(/ended without stdout having \/ready\/[\s\S]*other/);
  await program.ended();
});

it("fails when the program takes too long, and kills it", async () => {
  const program = evaluate("setInterval(() => {}, 1000)");
  await expect(program.ended({ withinMs: 100 })).rejects.toThrow("had not ended after 100 ms");
});

it("passes input on", async () => {
  const program = evaluate("process.stdin.pipe(process.stdout)");
  program.write("to and fro\n");
  await program.outputHas(/fro/);
  program.endInput();
  expect(await program.ended()).toMatchObject({ code: 0, stdout: "to and fro\n" });
});
