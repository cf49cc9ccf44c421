import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { runProgram, startProgram } from "../support/program.ts";

const PROGRAM = "tests/sc/fixtures/effection-main.ts";

describe("a nursery in Effection's main", () => {
  useCensus();

  it("ends before the program does", async () => {
    expect(await runProgram(PROGRAM)).toMatchObject({ code: 0, stdout: "returns\ncleaned up\n", stderr: "" });
  });

  it("is cancelled by Ctrl-C, and its clean-up is awaited", async () => {
    const program = startProgram(PROGRAM, { args: ["waits"] });
    await program.outputHas(/waits/);
    program.signal("SIGINT");
    expect(await program.ended()).toMatchObject({ code: 130, stdout: "waits\ncleaned up\n" });
  });
});
