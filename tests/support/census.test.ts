import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { SomethingLeft, takeCensus, testMark, useCensus, waitUntilGone } from "./census.ts";
import { processesMarked, readProcess } from "./process-table.ts";
import { runProgram, startProgram } from "./program.ts";
import { socketsIn, useTempDir } from "./temp-dir.ts";

useCensus();

const forever = "setInterval(() => {}, 1000)";
/** Starts a grandchild that outlives it in a session of its own, prints its pid, and ends. */
const leavesOrphan = `
  const { spawn } = require("node:child_process");
  const child = spawn(process.execPath, ["-e", ${JSON.stringify(forever)}], { detached: true, stdio: "ignore" });
  child.unref();
  console.log(child.pid);`;

it("finds a child that still runs, names it, and kills it", async () => {
  const census = takeCensus();
  const child = spawn(process.execPath, ["-e", forever], { stdio: "ignore" });
  const error: unknown = await census.assertNothingLeft(200).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(SomethingLeft);
  expect(String(error)).toMatch(new RegExp(`process ${child.pid} .*setInterval[\\s\\S]*waited \\d+ ms`));
  expect(String(error)).toContain("ProcessWrap");
  await census.assertNothingLeft();
});

it("finds a grandchild that was handed to another parent", async () => {
  const census = takeCensus();
  const program = startProgram("-e", { args: [leavesOrphan], execArgv: [] });
  const [pid] = await program.outputHas(/\d+/);
  await waitUntilGone([program.pid]);
  expect(readProcess(Number(pid))?.parent).not.toBe(program.pid);
  expect(processesMarked(testMark).map((entry) => entry.pid)).toEqual([Number(pid)]);
  await expect(program.ended({ goneWithinMs: 100 })).rejects.toThrow(`process ${pid} `);
  await expect(census.assertNothingLeft(100)).rejects.toThrow(`process ${pid} `);
});

it("finds a child that was started without the mark", async () => {
  const census = takeCensus();
  const child = spawn(process.execPath, ["-e", forever], { stdio: "ignore", env: {} });
  await expect(census.assertNothingLeft(100)).rejects.toThrow(`process ${child.pid} `);
});

it("waits for what is on its way out", async () => {
  const census = takeCensus();
  spawn(process.execPath, ["-e", "setTimeout(() => {}, 200)"], { stdio: "ignore" });
  await census.assertNothingLeft();
});

it("does not count what was there before", async () => {
  const child = spawn(process.execPath, ["-e", forever], { stdio: "ignore" });
  const census = takeCensus();
  await census.assertNothingLeft();
  child.kill("SIGKILL");
});

it("finds a socket file, in folders below too", async () => {
  const dir = useTempDir();
  const census = takeCensus({ dirs: [dir] });
  const left = join(dir, "left.sock");
  // Node removes the file when it closes the server; a killed process does not.
  await runProgram("-e", {
    args: [
      `require("node:net").createServer().listen(${JSON.stringify(left)}, () => process.kill(process.pid, "SIGKILL"))`,
    ],
    execArgv: [],
  });
  expect(socketsIn(dir)).toEqual([left]);
  await expect(census.assertNothingLeft(100)).rejects.toThrow(`socket file ${left}`);
  rmSync(left);
  await census.assertNothingLeft();
});

it.each<[string, () => () => void]>([
  [
    "TCPServerWrap",
    () => {
      const server = createServer().listen(0);
      return () => server.close();
    },
  ],
  [
    "Timeout",
    () => {
      const timer = setInterval(() => {}, 1_000_000);
      return () => clearInterval(timer);
    },
  ],
])("finds an open handle of kind %s", async (kind, open) => {
  const census = takeCensus();
  const close = open();
  onTestFinished(close);
  const error: unknown = await census.assertNothingLeft(300).catch((error: unknown) => error);
  expect(error).toMatchObject({ handles: [kind] });
  close();
  await census.assertNothingLeft();
});

it("says how long a process was waited for", async () => {
  const child = spawn(process.execPath, ["-e", forever], { stdio: "ignore" });
  await expect(waitUntilGone([child.pid ?? 0], 100)).rejects.toThrow(/waited 1\d\d ms/);
  child.kill("SIGKILL");
  expect(await waitUntilGone([child.pid ?? 0])).toBeLessThan(2_000);
});
