import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { runProgram } from "../support/program.ts";

describe("the program of the README", () => {
  useCensus();

  it("prints the primes that its child streams, then its result, and leaves nothing", async () => {
    const end = await runProgram("examples/primes.ts");
    expect(end.stderr).toBe("");
    expect(end.code).toBe(0);
    const [first, ...rest] = end.stdout.trimEnd().split("\n");
    expect(first).toMatch(/^process \d+ looks for primes$/);
    expect(rest).toEqual(["2", "3", "5", "7", "11", "13", "17", "19", "23", "29", "that is all"]);
  });
});
