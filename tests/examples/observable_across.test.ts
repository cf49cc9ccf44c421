import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { runProgram } from "../support/program.ts";

describe("a legacy RxJS feed in another process", () => {
  useCensus();

  it("B58 is worked on here with RxJS, and has been unsubscribed from over there when the block is left", async () => {
    const { code, stdout, stderr } = await runProgram("examples/observable_across/main.ts", { withinMs: 40_000 });
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(stdout.trimEnd().split("\n")).toEqual([
      ...[1, 2, 3, 4, 5].map((n) => expect.stringMatching(new RegExp(`^spread ${n} is (small|large)$`))),
      "over there: { subscribed: 0, hasSent: true }",
    ]);
  }, 60_000);
});
