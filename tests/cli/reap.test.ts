/** `npx espalier reap`: finds and ends processes whose tree is dead. */
import { type ChildProcess, spawn } from "node:child_process";
import { until } from "effection";
import { onTestFinished } from "vitest";
import { TREE_VARIABLE } from "../../core/actor/tree-mark.ts";
import { park } from "../../core/sc/park.ts";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { runProgram, startProgram } from "../support/program.ts";

const MAIN = "core/cli/main.ts";

/** A process that says it belongs to a tree whose root was killed: pid 2^22 is above what Linux gives out. */
function startOrphan(code: string): ChildProcess {
  const env = { ...process.env, [TREE_VARIABLE]: "4194304.1" };
  const orphan = spawn(process.execPath, ["-e", `${code}; console.log("up")`], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void orphan.kill("SIGKILL"));
  return orphan;
}

function* isUp(orphan: ChildProcess) {
  yield* park<void>("the orphan", ({ wake }) => {
    orphan.stdout?.once("data", () => wake());
    return () => true;
  });
}

function* exitOf(orphan: ChildProcess) {
  if (orphan.exitCode !== null || orphan.signalCode !== null) return orphan.signalCode;
  return yield* park<string | null>("the orphan's end", ({ wake }) => {
    orphan.once("exit", (_code, signal) => wake(signal));
    return () => true;
  });
}

const cli = (...args: string[]) => until(runProgram(MAIN, { args }));

describe("espalier reap", () => {
  useCensus();

  it("with --dry-run lists what is left of a dead tree, and leaves it alone; without it ends it", function* () {
    const idle = startOrphan("setInterval(() => {}, 1e6)");
    yield* isUp(idle);
    const listed = yield* cli("reap", "--dry-run");
    expect(listed.code).toBe(1);
    expect(listed.stdout).toMatch(new RegExp(`^${idle.pid}  .*node.*  its root was 4194304  left alone$`, "m"));
    const reaped = yield* cli("reap", "--json");
    expect(reaped.code).toBe(1);
    expect(JSON.parse(reaped.stdout)).toContainEqual(expect.objectContaining({ pid: idle.pid, end: "SIGTERM" }));
    expect(yield* exitOf(idle)).toBe("SIGTERM");
  });

  it("kills what is asked in vain", function* () {
    const deaf = startOrphan("process.on('SIGTERM', () => {}); setInterval(() => {}, 1e6)");
    yield* isUp(deaf);
    const { stdout } = yield* cli("reap", "--json");
    expect(JSON.parse(stdout)).toContainEqual(expect.objectContaining({ pid: deaf.pid, end: "SIGKILL" }));
    expect(yield* exitOf(deaf)).toBe("SIGKILL");
  });

  it("B12 finds nothing of a tree whose root was killed, nor of one that lives", function* () {
    const [killed, living] = [
      startProgram("tests/actor/fixtures/tree-program.ts"),
      startProgram("tests/actor/fixtures/tree-program.ts"),
    ];
    for (const program of [killed, living]) yield* until(program.outputHas(/streams/));
    const pids = [...killed.processes(), ...living.processes()].map(({ pid }) => pid);
    expect(pids.length).toBeGreaterThan(3);
    killed.signal("SIGKILL");
    const { stdout } = yield* cli("reap", "--dry-run", "--json");
    const found = (JSON.parse(stdout) as { pid: number }[]).map(({ pid }) => pid);
    expect(found.filter((pid) => pids.includes(pid))).toEqual([]);
    yield* until(killed.ended());
    living.signal("SIGTERM");
    yield* until(living.ended());
  });

  it.each([
    [["prune"], /there is no command "prune"/],
    [["reap", "now"], /reap takes no arguments, got "now"/],
    [["reap", "--force"], /Unknown option '--force'/],
  ])("refuses %s with its usage, and 2", function* (args, message) {
    const { code, stderr } = yield* cli(...args);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/espalier <command>/);
  });

  it("says how it is used", function* () {
    expect(yield* cli("--help")).toMatchObject({ code: 0, stderr: "", stdout: expect.stringContaining("--dry-run") });
    expect(yield* cli()).toMatchObject({ code: 2 });
  });
});
