import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { runProgram, startProgram } from "../support/program.ts";

const PROGRAM = "tests/sc/fixtures/main-program.ts";

describe("runMain", () => {
  useCensus();

  it("ends with 0 when its body returns, at once and silently", async () => {
    expect(await runProgram(PROGRAM)).toMatchObject({ code: 0, stdout: "returns\n", stderr: "" });
  });

  it("ends with 1 when its body fails, and prints the error with its stack", async () => {
    const end = await runProgram(PROGRAM, { args: ["fails"] });
    expect(end.code).toBe(1);
    expect(end.stderr).toMatch(/^TypeError: what went wrong\n {4}at .*main-program\.ts/);
  });

  it("does nothing in a module that is only imported", async () => {
    expect(await runProgram("tests/sc/fixtures/imports-main.ts")).toMatchObject({
      code: 0,
      stdout: "imported\n",
      stderr: "",
    });
  });

  it("begins under its name without the extension", async () => {
    const execArgv = ["--import", import.meta.resolve("tsx")];
    expect(await runProgram(PROGRAM.replace(/\.ts$/, ""), { execArgv })).toMatchObject({
      code: 0,
      stdout: "returns\n",
    });
  });

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)(
    "lives while its tasks wait; %s cancels them, awaits their clean-up, and ends it with %d, without a report",
    async (signal, code) => {
      const program = startProgram(PROGRAM, { args: ["waits"] });
      await program.outputHas(/waits/);
      program.signal(signal);
      expect(await program.ended()).toMatchObject({ code, stdout: "waits\ncleaning up\ncleaned up\n", stderr: "" });
    },
  );

  it("a second SIGINT within a second ends clean-up that does not end", async () => {
    const program = startProgram(PROGRAM, { args: ["cleans-up-for-ever"] });
    await program.outputHas(/cleans-up/);
    program.signal("SIGINT");
    await program.outputHas(/cleaning up/);
    program.signal("SIGINT");
    const end = await program.ended();
    expect(end.code).toBe(130);
    expect(end.stdout).not.toContain("cleaned up");
  });

  it("clean-up that fails is printed, and the status is still the signal's", async () => {
    const program = startProgram(PROGRAM, { args: ["fails-to-clean-up"] });
    await program.outputHas(/fails-to/);
    program.signal("SIGTERM");
    const end = await program.ended();
    expect(end.code).toBe(143);
    expect(end.stderr).toContain("TypeError: clean-up went wrong");
  });

  it("names what is left open a second after the end, and exits all the same", async () => {
    const end = await runProgram(PROGRAM, { args: ["leaves-a-handle"] });
    expect(end.code).toBe(0);
    expect(end.stderr).toMatch(/something keeps its process alive \(.*Timeout.*\)/);
  });
});
