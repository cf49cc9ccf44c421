import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { LogFile } from "../support/log-file.ts";
import { isGuard } from "../support/process-table.ts";
import { startProgram } from "../support/program.ts";

const PROGRAM = "tests/actor/fixtures/tree-program.ts";

describe("the guard of orphans", () => {
  useCensus();

  async function startStuck(env: Readonly<Record<string, string>> = {}) {
    const log = new LogFile();
    const program = startProgram(PROGRAM, { args: ["stuck", log.path], env });
    await program.outputHas(/streams/);
    await expect.poll(() => log.lines).toContain("blocking");
    const guards = () => program.processes().filter(isGuard);
    const guardOfRoot = () => guards().filter((entry) => entry.parent === program.pid);
    return { program, guards, guardOfRoot };
  }

  it("B12 ends a child that is stuck when the root is killed", async () => {
    const { program, guardOfRoot } = await startStuck();
    expect(guardOfRoot()).toHaveLength(1);
    process.kill(program.pid, "SIGKILL");
    expect((await program.ended({ goneWithinMs: 2_000 })).goneAfterMs).toBeLessThan(2_000);
  });

  it("B12 where there is no shell, the child watches by itself", async () => {
    const { program, guards } = await startStuck({ ESPALIER_GUARD: "thread" });
    expect(guards()).toEqual([]);
    process.kill(program.pid, "SIGKILL");
    expect((await program.ended({ goneWithinMs: 2_000 })).goneAfterMs).toBeLessThan(2_000);
  });

  it("B12 is started anew when it is killed, and hears nothing of Ctrl-C", async () => {
    const { program, guardOfRoot } = await startStuck();
    const [first] = guardOfRoot();
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.kill(first?.pid ?? 0, signal);
    process.kill(first?.pid ?? 0, "SIGKILL");
    await expect.poll(() => guardOfRoot().filter((entry) => entry.pid !== first?.pid)).toHaveLength(1);
    process.kill(program.pid, "SIGKILL");
    await program.ended({ goneWithinMs: 2_000 });
  });
});
