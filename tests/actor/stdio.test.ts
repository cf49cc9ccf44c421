import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { runProgram } from "../support/program.ts";

describe("the output of children", () => {
  useCensus();

  it("reaches the user, on the stream it was written to", async () => {
    const end = await runProgram("tests/actor/fixtures/talkative.ts");
    expect(end).toMatchObject({ code: 0, stdout: "said by the child\n", stderr: "complained by the child\n" });
  });

  it("B7 the main module of a program is not run again in a child that exposes it", async () => {
    const end = await runProgram("tests/actor/fixtures/talkative.ts");
    expect(end.stdout.match(/said/g)).toHaveLength(1);
  });
});
