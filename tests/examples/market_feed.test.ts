import { readRecording } from "../../examples/market_feed/recording.ts";
import { formatSummary, summarize } from "../../examples/market_feed/summary.ts";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { isGuard } from "../support/process-table.ts";
import { type Program, startProgram } from "../support/program.ts";

const MAIN = "examples/market_feed/main.ts";

/** At full speed unless told. */
function start(...args: string[]): Program {
  return startProgram(MAIN, { args: args.length > 0 ? args : ["--pace", "0"], ownGroup: true });
}

describe("the main job", () => {
  useCensus();

  it("sums up exactly what is in the recording: nothing lost, nothing twice, in order", async () => {
    const end = await start().ended();
    expect(end.stderr).toBe("");
    expect(end.code).toBe(0);
    const expected = formatSummary(summarize(await readRecording()));
    expect(end.stdout.trimEnd().endsWith(expected)).toBe(true);
    expect(expected).toContain("4000 ticks");
  });

  it("B13 --crash: the client's error arrives with its message, its stack and its actor; status 1", async () => {
    const end = await start("--pace", "0", "--crash").ended();
    expect(end.code).toBe(1);
    expect(end.stderr).toMatch(/tick client bug: cannot digest tick \d+ \(\w+\) \(in actor feed@[0-9a-f]{8}\)/);
    expect(end.stderr).toMatch(/in feed@[\s\S]*tick-client\.ts:\d+/);
    expect(end.stdout).not.toContain("digest");
  });

  it.each([
    ["the tick server starts", /tick-server/],
    ["an actor begins to boot", /child-entry/],
    ["an actor has booted", /espalier:/],
  ] as const)("B25 Ctrl-C when %s unwinds everything; status 130", async (_when, commandLine) => {
    const program = start("--pace", "300");
    const isThere = () => program.processes().some((entry) => commandLine.test(entry.commandLine));
    await expect.poll(isThere, { interval: 1, timeout: 10_000 }).toBe(true);
    program.interrupt();
    const end = await program.ended({ withinMs: 2_000 });
    expect(end).toMatchObject({ code: 130, stderr: "" });
  });

  it("B25 Ctrl-C while it streams unwinds everything within two seconds; status 130", async () => {
    const program = start("--pace", "300");
    await program.outputHas(/OAK\s+\d+/);
    program.interrupt();
    const end = await program.ended({ withinMs: 2_000 });
    expect(end).toMatchObject({ code: 130, stderr: "" });
  });

  it("B12 kill -9 of the root while it streams leaves nobody within two seconds", async () => {
    const program = start("--pace", "300");
    await program.outputHas(/OAK\s+\d+/);
    expect(program.processes().filter((entry) => !isGuard(entry)).length).toBe(4);
    program.signal("SIGKILL");
    const end = await program.ended({ goneWithinMs: 2_000 });
    expect(end.signal).toBe("SIGKILL");
  });

  it("a pace that is no number is refused, naming it", async () => {
    const end = await start("--pace", "fast").ended();
    expect(end.code).toBe(1);
    expect(end.stderr).toContain("--pace must be a number of ticks per second >= 0, got fast");
  });
});
