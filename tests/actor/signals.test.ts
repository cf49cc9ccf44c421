import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { LogFile } from "../support/log-file.ts";
import { isGuard } from "../support/process-table.ts";
import { startProgram } from "../support/program.ts";

const PROGRAM = "tests/actor/fixtures/tree-program.ts";

describe("signals and the death of actors", () => {
  useCensus();

  it("B25 SIGINT in the root unwinds the tree while it streams; exit status 130", async () => {
    const log = new LogFile();
    const program = startProgram(PROGRAM, { args: ["stream", log.path] });
    await program.outputHas(/streams/);
    program.signal("SIGINT");
    const end = await program.ended({ withinMs: 2_000 });
    expect(end).toMatchObject({ code: 130, stderr: "" });
    expect(log.lines).toEqual(["producer ended", "second", "first"]);
  });

  it("B25 Ctrl-C in a terminal, which reaches every process of the group, is no different", async () => {
    const log = new LogFile();
    const program = startProgram(PROGRAM, { args: ["stream", log.path], ownGroup: true });
    await program.outputHas(/streams/);
    program.interrupt();
    const end = await program.ended({ withinMs: 2_000 });
    expect(end).toMatchObject({ code: 130, stderr: "" });
    expect(log.lines).toEqual(["producer ended", "second", "first"]);
  });

  it("B9 SIGTERM in the root unwinds the tree too, clean-up included; exit status 143", async () => {
    const log = new LogFile();
    const program = startProgram(PROGRAM, { args: ["stream", log.path] });
    await program.outputHas(/streams/);
    program.signal("SIGTERM");
    expect((await program.ended({ withinMs: 2_000 })).code).toBe(143);
    expect(log.lines.slice(-2)).toEqual(["second", "first"]);
  });

  it("a second SIGINT within a second does not wait for clean-up", async () => {
    const program = startProgram(PROGRAM, { args: ["slow"] });
    await program.outputHas(/streams/);
    program.signal("SIGINT");
    await program.outputHas(/cleaning up/);
    program.signal("SIGINT");
    expect((await program.ended({ withinMs: 3_000, goneWithinMs: 3_000 })).code).toBe(130);
  });

  it.each([
    ["root", (pids: number[]) => pids[0]],
    ["child", (pids: number[]) => pids[1]],
  ] as const)("B12 SIGKILL of the %s while it streams leaves no descendant alive", async (_who, choose) => {
    const program = startProgram(PROGRAM);
    await program.outputHas(/streams/);
    const pids = program
      .processes()
      .filter((entry) => !isGuard(entry))
      .map((entry) => entry.pid);
    expect(pids.length).toBe(3);
    process.kill(choose([program.pid, ...pids.filter((pid) => pid !== program.pid)]) ?? 0, "SIGKILL");
    const end = await program.ended({ withinMs: 4_000, goneWithinMs: 2_000 });
    expect(end.code ?? end.signal).not.toBe(0);
  });

  it("B12 SIGKILL of the root leaves nobody, though its child is stuck in synchronous code", async () => {
    const log = new LogFile();
    const program = startProgram(PROGRAM, { args: ["stuck", log.path] });
    await program.outputHas(/streams/);
    await expect.poll(() => log.lines).toContain("blocking");
    process.kill(program.pid, "SIGKILL");
    const end = await program.ended({ goneWithinMs: 2_000 });
    expect(end.signal).toBe("SIGKILL");
  });
});
