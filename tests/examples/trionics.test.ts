/** The classic programs, each as a user runs it. */
import { readFileSync } from "node:fs";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { runProgram } from "../support/program.ts";

async function outputOf(file: string): Promise<string[]> {
  const end = await runProgram(`examples/${file}`, { withinMs: 40_000 });
  expect(end).toMatchObject({ code: 0, stderr: "" });
  return end.stdout.trimEnd().split("\n");
}

/** Lines that are neither blank nor comment. */
function codeOf(file: string): number {
  const lines = readFileSync(new URL(`../../examples/${file}`, import.meta.url), "utf8").split("\n");
  return lines.filter((line) => line.trim() !== "" && !/^\s*(\/\*\*|\*|\/\/)/.test(line)).length;
}

const BUSY = { timeout: 60_000 };

describe("the examples of process trees", () => {
  useCensus();

  it(
    "a nested tree comes up, answers and ends at every level",
    async () => {
      expect(await outputOf("nested_tree.ts")).toEqual([
        "tree",
        "  tree.a",
        "    tree.a.a",
        "    tree.a.b",
        "  tree.b",
        "    tree.b.a",
        "    tree.b.b",
      ]);
    },
    BUSY,
  );

  it(
    "a self-destructing tree says why, and leaves no process",
    async () => {
      const lines = await outputOf("self_destruct.ts");
      expect(lines.slice(0, 2)).toEqual([
        expect.stringMatching(/^process \d+ is up$/),
        expect.stringMatching(/is up$/),
      ]);
      expect(lines.slice(2)).toEqual([
        expect.stringMatching(/^level 2 > RemoteActorError: RangeError: boom \(in actor level 1@\w+\)$/),
        "every process has been waited for",
      ]);
      for (const line of lines.slice(0, 2)) {
        const pid = Number(/\d+/.exec(line)?.[0]);
        expect(() => process.kill(pid, 0)).toThrow("ESRCH");
      }
    },
    BUSY,
  );

  it(
    "a pool of primes prints what the one by hand does, in less than half the code",
    async () => {
      const expected = await outputOf("primes_pool/worker_threads.mjs");
      expect(expected).toHaveLength(5);
      expect(await outputOf("primes_pool/espalier.ts")).toEqual(expected);
      expect(codeOf("primes_pool/espalier.ts")).toBeLessThan(codeOf("primes_pool/worker_threads.mjs") / 2);
    },
    BUSY,
  );

  it(
    "four processes in a row stream to each other, and end with the last",
    async () => {
      const lines = await outputOf("pipeline.ts");
      expect(lines).toHaveLength(6);
      for (const line of lines.slice(0, 5)) expect(line).toMatch(/^\d+: 23\.\d\d °C$/);
      expect(lines[5]).toBe("all four have ended");
    },
    BUSY,
  );

  it(
    "a stream is fanned out: the slow reader holds nobody up",
    async () => {
      expect(await outputOf("fan_out.ts")).toEqual(["fast: 500500, missed 0", "slow: 95051, missed 899"]);
    },
    BUSY,
  );

  it(
    "a command is supervised: it answers while it is needed, and has exited after",
    async () => {
      expect(await outputOf("supervised_command.ts")).toEqual(["it says hello", "it has exited"]);
    },
    BUSY,
  );
});
