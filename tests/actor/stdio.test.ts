import { type ExceptionGroup, openActorNursery, run } from "espalier";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { runProgram } from "../support/program.ts";

describe("the output of children", () => {
  useCensus();

  it("reaches the user, on the stream it was written to", async () => {
    const end = await runProgram("tests/actor/fixtures/talkative.ts");
    expect(end).toMatchObject({ code: 0, stdout: "said by the child\n", stderr: "complained by the child\n" });
  });

  it.each([
    ["stderr", "inherit", "", "said by the child\ncomplained by the child\n"],
    ["ignore", "ignore", "", ""],
    ["inherit", "ignore", "said by the child\n", ""],
  ])("goes where it is told to: stdout %s, stderr %s", async (out, err, stdout, stderr) => {
    const end = await runProgram("tests/actor/fixtures/talkative.ts", { args: [out, err] });
    expect(end).toMatchObject({ code: 0, stdout, stderr });
  });

  it.each([
    [{ stdio: { stdout: "pipe" as never } }, /stdio.stdout must be one of inherit, stderr, ignore, got pipe/],
    [{ stdio: { stderr: "stdout" as never } }, /stdio.stderr must be one of inherit, ignore, got stdout/],
    [{ maxHeapMb: 0.5 }, /maxHeapMb must be a whole number of megabytes >= 1, got 0.5/],
  ])("is refused for %j before a child is started", async (options, message) => {
    const starting = run(() => openActorNursery((an) => an.startActor("child", options)));
    await expect(starting).rejects.toThrow();
    const error = await starting.catch((caught: unknown) => caught);
    expect(String((error as ExceptionGroup).leaves()[0])).toMatch(message);
  });

  it("B7 the main module of a program is not run again in a child that exposes it", async () => {
    const end = await runProgram("tests/actor/fixtures/talkative.ts");
    expect(end.stdout.match(/said/g)).toHaveLength(1);
  });
});
