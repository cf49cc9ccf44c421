import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { runProgram } from "../support/program.ts";

describe("two actors that greet each other", () => {
  useCensus();

  it("have both been heard, whoever was up first, and leave nothing", async () => {
    const end = await runProgram("examples/find_and_greet.ts");
    expect(end).toMatchObject({ code: 0, stderr: "" });
    expect(end.stdout.trimEnd().split("\n").sort()).toEqual([
      "donny hears: Hi donny, my name is gretchen!",
      "gretchen hears: Hi gretchen, my name is donny!",
    ]);
  });
});
