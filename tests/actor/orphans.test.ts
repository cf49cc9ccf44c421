/** Nobody outlives its parent: B12 at the moments when that is hardest. */
import { watch } from "node:fs";
import { dirname } from "node:path";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { LogFile } from "../support/log-file.ts";
import { isGuard, type ProcessEntry } from "../support/process-table.ts";
import { type Program, startProgram } from "../support/program.ts";
import { seededRandom } from "../support/simulated-link.ts";

const PROGRAM = "tests/support/orphan-program.ts";

/** Four programs of TypeScript are started one after the other; a busy machine takes seconds for each. */
const UP_WITHIN_MS = 50_000;
/** What is promised is a second; the machine that runs the tests may have more to do. */
const BOUND_MS = 1_500;
/** For one that boots: until Node and the loader have, nothing of ours runs that could know. */
const BOOT_MS = 5_000;
/** For one that hears that its parent is gone and does not end: it has a second's grace, then it exits. */
const STUBBORN_MS = BOUND_MS + 1_000;

/** `ORPHANS=1000 npx vitest run tests/actor/orphans.test.ts` tries as many moments by chance. */
const MOMENTS = Number(process.env.ORPHANS ?? 4);

async function killed(program: Program, goneWithinMs = BOUND_MS): Promise<void> {
  program.signal("SIGKILL");
  expect((await program.ended({ goneWithinMs })).signal).toBe("SIGKILL");
}

function childOf(program: Program): ProcessEntry | undefined {
  return program.processes().find((entry) => entry.parent === program.pid && !isGuard(entry));
}

describe("after SIGKILL of the root nobody is left", () => {
  useCensus();

  it.each([
    ["a child that waits", "idle", /child \d+ is idle/, BOUND_MS],
    ["a child that streams", "streams", /child streams/, BOUND_MS],
    ["a child whose thread is stuck", "stuck", /child is stuck/, BOUND_MS],
    ["a child that is stuck in the import of its module", "stuck on import", /stuck while it is imported/, BOUND_MS],
    ["a child that a debugger has stopped", "paused", /child is paused/, BOUND_MS],
    ["a child that ignores every signal and every cancel", "stubborn", /ignores everything/, STUBBORN_MS],
    ["a child that was unwinding", "unwinds", /child unwinds/, STUBBORN_MS],
    ["a chain of four", "chain idle", /child \d+ is idle/, BOUND_MS],
    // The link of the stuck one ends with its parent, which was asked to end at once.
    ["a chain of which the last is stuck", "chain stuck", /child is stuck/, STUBBORN_MS],
  ] as const)(
    "B12 of %s",
    async (_what, what, isThere, boundMs) => {
      const program = startProgram(PROGRAM, { args: [what] });
      await program.outputHas(isThere, { withinMs: UP_WITHIN_MS });
      await killed(program, boundMs);
    },
    UP_WITHIN_MS + 10_000,
  );

  it("B12 of a child that waits for a debugger before it runs anything", async () => {
    const program = startProgram(PROGRAM, { args: ["inspect-brk"] });
    await program.outputHas(/Debugger listening/, { stream: "stderr" });
    await killed(program);
  });

  it("B12 of a child that was stopped", async () => {
    const program = startProgram(PROGRAM, { args: ["idle"] });
    const [, pid] = await program.outputHas(/child (\d+) is idle/);
    process.kill(Number(pid), "SIGSTOP");
    await killed(program);
  });

  it("B12 of a root that was booting", async () => {
    const program = startProgram(PROGRAM, { args: ["idle"] });
    expect(program.processes().length).toBe(1);
    await killed(program);
  });

  it("B12 of a child that was booting", async () => {
    const program = startProgram(PROGRAM, { args: ["idle"] });
    await program.outputHas(/root is up/);
    await expect.poll(() => childOf(program), { interval: 1 }).toBeDefined();
    await killed(program, BOOT_MS);
  });

  it(
    "B12 of a child that was killed in the moment, or its parent, while it spawned another",
    async () => {
      const random = seededRandom(12);
      for (let i = 0; i < MOMENTS; i++) {
        const log = new LogFile();
        const program = startProgram(PROGRAM, { args: ["breeds", log.path] });
        const [, pid] = await program.outputHas(/child (\d+) breeds/);
        await lines(log, 1 + Math.floor(random() * 2));
        // By chance: before the grandchild is there, while its Node starts, while it boots, when it is up.
        await elapsed(random() * 600);
        const ofRoot = random() < 0.5;
        process.kill(ofRoot ? program.pid : Number(pid), "SIGKILL");
        const end = await program.ended({ goneWithinMs: BOOT_MS });
        if (ofRoot) expect(end.signal).toBe("SIGKILL");
        else expect(end.stderr).toMatch(/ActorDied: actor child\S+ was killed by SIGKILL/);
      }
    },
    30_000 + MOMENTS * 10_000,
  );
});

/** Wait until the file has so many lines. */
function lines(log: LogFile, count: number): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (log.lines.length < count) return;
      watcher.close();
      resolve();
    };
    const watcher = watch(dirname(log.path), look);
    look();
  });
}

/** Not to wait for something, but to be somewhere. */
function elapsed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
