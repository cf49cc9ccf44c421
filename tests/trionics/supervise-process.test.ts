import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Operation } from "effection";
import {
  BrokenResourceError,
  BusyResourceError,
  ClosedResourceError,
  Event,
  ExceptionGroup,
  each,
  type LogRecord,
  moveOnAfter,
  openNursery,
  openRootActor,
  shielded,
  sleep,
  sleepForever,
} from "espalier";
import {
  broadcast,
  CommandFailed,
  type CommandInput,
  CommandStartError,
  type LineStream,
  superviseProcess,
} from "espalier/trionics";
import { expectTypeOf } from "vitest";
import { TREE_VARIABLE, treeMark } from "../../core/actor/tree-mark.ts";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { errorOf } from "../support/outcome.ts";
import { isAlive, type ProcessEntry, readProcess } from "../support/process-table.ts";
import { startProgram } from "../support/program.ts";
import { useTempDir } from "../support/temp-dir.ts";

const sh = (code: string) => ["-c", code] as const;
/** Runs until it is ended, and says when it can be. */
const FOREVER = "echo up; while :; do sleep 0.05; done";

function* linesOf(stream: LineStream): Operation<string[]> {
  const lines: string[] = [];
  for (const line of yield* each(stream)) {
    lines.push(line);
    yield* each.next();
  }
  return lines;
}

describe("superviseProcess", () => {
  useCensus();

  it("gives how a command ended, and what its block returned", function* () {
    const exit = yield* superviseProcess("true");
    expectTypeOf(exit).toEqualTypeOf<{ readonly exitCode: number | null; readonly signal: string | null }>();
    expect(exit).toEqual({ exitCode: 0, signal: null });
    const seen = yield* superviseProcess("true", [], function* (command) {
      expect(command.pid).toBeGreaterThan(0);
      return [yield* command.waitForExit(), command.exit];
    });
    expect(seen).toEqual([exit, exit]);
  });

  it("types what the block has by what was asked for", function* () {
    yield* superviseProcess("cat", [], { stdin: "write", stdout: "read" }, function* (cat) {
      expectTypeOf(cat.stdin).toEqualTypeOf<CommandInput>();
      expectTypeOf(cat.stdout).toEqualTypeOf<LineStream>();
      expectTypeOf<typeof cat.stderr>().toEqualTypeOf<undefined>();
      // @ts-expect-error stderr was not asked for
      expect(() => cat.stderr.receive()).toThrow(/stderr: "read"/);
    });
    yield* superviseProcess("true", [], function* (command) {
      // @ts-expect-error nothing was asked for
      expect(() => command.stdout.receive()).toThrow(/command.stdout is not for the block to read, but "log"/);
      // @ts-expect-error nothing was asked for
      expect(() => command.stdin.close()).toThrow(/stdin: "write"/);
    });
  });

  it("B60 relays its output, line by line, to the log of the actor", function* () {
    const records: LogRecord[] = [];
    yield* openRootActor(() => superviseProcess("sh", sh("echo one; echo two >&2; printf three")), {
      logLevel: "info",
      logTo: (record) => void records.push(record),
    });
    const said = records
      .filter(({ event }) => event === "log")
      .map(({ level, message, task }) => [level, message, task]);
    expect(said.sort()).toEqual([
      ["info", "one", "sh"],
      ["info", "three", "sh"],
      ["warn", "two", "sh"],
    ]);
  });

  it("B60 relays the last words of a command that is being ended", function* () {
    const records: LogRecord[] = [];
    const up = new Event();
    yield* openRootActor(
      () =>
        openNursery(function* (n) {
          n.startSoon(() => superviseProcess("sh", sh(`trap 'echo cleaned up; exit 0' TERM; ${FOREVER}`)));
          yield* up.wait();
          n.cancelScope.cancel("enough");
        }),
      {
        logLevel: "info",
        logTo: (record) => {
          if (record.event === "log") records.push(record);
          up.set();
        },
      },
    );
    // The shell may say of what it had started that it was terminated.
    expect(records.map(({ message }) => message)).toContain("cleaned up");
  });

  it("B60 fails with status, command and the end of stderr, and cancels its block", function* () {
    let wasCancelled = false;
    const error = yield* errorOf(
      superviseProcess("sh", sh("echo why >&2; exit 3"), { stderr: "ignore" }, function* () {
        try {
          yield* sleepForever();
        } finally {
          wasCancelled = true;
        }
      }),
    );
    expect(wasCancelled).toBe(true);
    expect(error).toBeInstanceOf(CommandFailed);
    expect(error).toMatchObject({ command: "sh", exitCode: 3, signal: null, stderrTail: "why" });
    expect(String(error)).toMatch(/command sh -c echo why .*exited with status 3; its stderr ended with:\nwhy/);

    const killed = yield* errorOf(superviseProcess("sh", sh("kill -9 $$")));
    expect(killed).toMatchObject({ exitCode: null, signal: "SIGKILL", message: expect.stringMatching(/by SIGKILL/) });
  });

  it("keeps no more of stderr than its tail", function* () {
    const noise = "i=0; while [ $i -lt 2000 ]; do echo noise $i >&2; i=$((i+1)); done; echo last >&2; exit 1";
    const error = (yield* errorOf(superviseProcess("sh", sh(noise), { stderr: "ignore" }))) as CommandFailed;
    expect(error.stderrTail.length).toBeLessThanOrEqual(4_096);
    expect(error.stderrTail).toMatch(/last$/);
  });

  it("takes any end where it is told not to check", function* () {
    expect(yield* superviseProcess("sh", sh("exit 7"), { check: false })).toEqual({ exitCode: 7, signal: null });
  });

  it("tells of what cannot be started, and where to look", function* () {
    const errors = [
      yield* errorOf(superviseProcess("no-such-command")),
      yield* errorOf(superviseProcess("./no/such/file")),
      yield* errorOf(superviseProcess("/dev/null")),
      yield* errorOf(superviseProcess("true", [], { cwd: "/no/such/folder" })),
    ];
    for (const error of errors) expect(error).toBeInstanceOf(CommandStartError);
    expect(errors.map(String)).toEqual([
      expect.stringMatching(/no-such-command could not be started: it was not found in PATH/),
      expect.stringMatching(/there is no such file/),
      expect.stringMatching(/it may not be executed/),
      expect.stringMatching(/cwd \/no\/such\/folder does not exist/),
    ]);
  });

  it.each([
    [() => superviseProcess("" as string), /the command is a string/],
    [() => superviseProcess("ls", "-l" as never), /the arguments of ls are a list of strings/],
    [() => superviseProcess("ls", [], { stdout: "pipe" as never }), /stdout must be one of log, read, .*got pipe/],
    [() => superviseProcess("ls", [], { stdin: "log" as never }), /stdin must be one of ignore, inherit, write/],
    [() => superviseProcess("ls", [], { graceMs: -1 }), /graceMs must be >= 0, got -1/],
    [() => superviseProcess("ls", [], { maxLineBytes: 1 }), /maxLineBytes must be 4 to 67108864, got 1/],
    [() => superviseProcess("ls", [], { longLines: "fold" as never }), /longLines must be one of split, truncate/],
    [() => superviseProcess("ls", [], {}, 1 as never), /the body is a function/],
  ] as [() => Operation<unknown>, RegExp][])(
    "refuses what it cannot do, before anything is started: %#",
    function* (use, message) {
      expect(String(yield* errorOf(use()))).toMatch(message);
    },
  );

  it("lets what was said before a failure be read first", function* () {
    const lines: string[] = [];
    const error = yield* errorOf(
      superviseProcess("sh", sh("seq 1000; exit 1"), { stdout: "read" }, function* ({ stdout }) {
        for (;;) {
          lines.push(yield* stdout.receive());
          if (lines.length === 1) yield* sleep(50); // it has failed long since
        }
      }),
    );
    expect(error).toBeInstanceOf(CommandFailed);
    expect(lines).toHaveLength(1_000);
  });

  it("cancels a block that does not read on after a failure", function* () {
    const body = function* ({ stdout }: { stdout: LineStream }): Operation<void> {
      yield* stdout.receive();
      yield* sleepForever();
    };
    const error = yield* errorOf(superviseProcess("sh", sh("seq 1000; exit 1"), { stdout: "read" }, body));
    expect(error).toBeInstanceOf(CommandFailed);
  });

  it("tells of a failure at the later end of two outputs", function* () {
    const seen: string[][] = [];
    const error = yield* errorOf(
      superviseProcess(
        "sh",
        sh("seq 3; echo bad >&2; exit 1"),
        { stdout: "read", stderr: "read" },
        function* ({ stdout, stderr }) {
          seen.push(yield* linesOf(stderr));
          seen.push(yield* linesOf(stdout));
        },
      ),
    );
    expect(error).toBeInstanceOf(CommandFailed);
    expect(seen).toEqual([["bad"]]);
  });

  it("B60 does not choke on a huge line: in pieces, or cut", function* () {
    const code = "process.stdout.write('é'.repeat(1_000_000) + '\\nend\\n')";
    const split = yield* superviseProcess(process.execPath, ["-e", code], { stdout: "read" }, function* ({ stdout }) {
      const lines = yield* linesOf(stdout);
      return { text: lines, ...stdout.statistics() };
    });
    expect(split.text.slice(0, -1).join("")).toBe("é".repeat(1_000_000));
    expect(split.text.at(-1)).toBe("end");
    expect(split.longLines).toBe(1);
    const options = { stdout: "read", longLines: "truncate", maxLineBytes: 100 } as const;
    const cut = yield* superviseProcess(process.execPath, ["-e", code], options, ({ stdout }) => linesOf(stdout));
    expect(cut).toEqual(["é".repeat(50), "end"]);
  });

  it("holds a command back that is not read", function* () {
    const file = join(useTempDir(), "progress");
    const code = `i=0; while [ $i -lt 400 ]; do head -c 1000 /dev/zero | tr '\\0' x; echo; i=$((i+1)); echo $i > ${file}; done`;
    const lines = yield* superviseProcess("sh", sh(code), { stdout: "read" }, function* ({ stdout }) {
      yield* stdout.receive();
      // It stands still once the pipe is full: 400 kB do not fit.
      for (let before = ""; ; ) {
        yield* sleep(300);
        const now = readFileSync(file, "utf8");
        if (now === before) break;
        before = now;
      }
      expect(Number(readFileSync(file, "utf8"))).toBeLessThan(390);
      return (yield* linesOf(stdout)).length;
    });
    expect(lines).toBe(399);
  });

  it("lets one task read at a time, several through a broadcast", function* () {
    yield* superviseProcess("cat", [], { stdin: "write", stdout: "read" }, function* (cat) {
      const errors: unknown[] = [];
      yield* openNursery(function* (n) {
        for (let i = 0; i < 2; i++) {
          n.startSoon(function* () {
            errors.push(yield* errorOf(cat.stdout.receive()));
            cat.stdin.close();
          });
        }
      });
      expect(errors[0]).toBeInstanceOf(BusyResourceError);
    });
    const fan = yield* superviseProcess("seq", ["3"], { stdout: "read" }, function* ({ stdout }) {
      const lines = broadcast(stdout);
      return yield* lines.subscribe((a) => lines.subscribe((b) => gather(a, b)));
    });
    expect(fan).toEqual([
      ["1", "2", "3"],
      ["1", "2", "3"],
    ]);
  });

  it("takes a cancelled wait for a line back, and loses none", function* () {
    const lines = yield* superviseProcess("cat", [], { stdin: "write", stdout: "read" }, function* (cat) {
      expect(yield* moveOnAfter(20, () => cat.stdout.receive())).toBeUndefined();
      yield* cat.stdin.send("a\nb\n");
      cat.stdin.close();
      return yield* linesOf(cat.stdout);
    });
    expect(lines).toEqual(["a", "b"]);
  });

  it("writes as fast as the command reads, and tells when it reads no more", function* () {
    const big = "x".repeat(100_000);
    let sent = 0;
    const stuck = yield* superviseProcess("sleep", ["60"], { stdin: "write" }, function* (command) {
      yield* moveOnAfter(300, function* () {
        for (;;) {
          yield* command.stdin.send(big);
          sent++;
        }
      });
      command.cancel("it does not read");
      return sent;
    });
    expect(stuck).toBeLessThan(10);

    const early = superviseProcess("sh", sh("exec 0<&-; sleep 0.3"), { stdin: "write" }, function* ({ stdin }) {
      for (;;) yield* stdin.send(big);
    });
    expect(yield* errorOf(early)).toBeInstanceOf(BrokenResourceError);

    const failed = superviseProcess("sh", sh("exit 5"), { stdin: "write" }, function* ({ stdin }) {
      for (;;) yield* stdin.send(big);
    });
    expect(yield* errorOf(failed)).toMatchObject({ name: "CommandFailed", exitCode: 5 });

    yield* superviseProcess("cat", [], { stdin: "write", stdout: "ignore" }, function* ({ stdin }) {
      stdin.close();
      expect(yield* errorOf(stdin.send("late"))).toBeInstanceOf(ClosedResourceError);
    });
  });

  it("closes stdin when the block is left, and waits for the command", function* () {
    const exits: unknown[] = [];
    yield* superviseProcess("sh", sh("cat > /dev/null; sleep 0.1; exit 0"), { stdin: "write" }, function* (command) {
      exits.push(command.exit);
    });
    expect(exits).toEqual([undefined]);
  });

  it("does not wait for output that nobody reads any more", function* () {
    yield* superviseProcess("seq", ["200000"], { stdout: "read" }, function* ({ stdout }) {
      expect(yield* stdout.receive()).toBe("1");
    });
  });

  it("leaves the block alone when the command ends in good order before it", function* () {
    const value = yield* superviseProcess("true", [], function* (command) {
      yield* command.waitForExit();
      yield* sleep(10);
      return "to its end";
    });
    expect(value).toBe("to its end");
  });

  it("gives the error of its block, and ends the command first", function* () {
    const own = new Error("own");
    let entry: ProcessEntry | undefined;
    const error = yield* errorOf(
      superviseProcess("sleep", ["60"], function* ({ pid }) {
        entry = readProcess(pid);
        throw own;
      }),
    );
    expect(error).toBe(own);
    expect(entry !== undefined && isAlive(entry)).toBe(false);
  });

  it("gives both errors where the block fails while it is cancelled for the command's", function* () {
    const error = yield* errorOf(
      superviseProcess("sh", sh("exit 4"), { stdout: "ignore" }, function* () {
        try {
          yield* sleepForever();
        } finally {
          // biome-ignore lint/correctness/noUnsafeFinally: it is what this test is about
          throw new Error("in the clean-up");
        }
      }),
    );
    expect(error).toBeInstanceOf(ExceptionGroup);
    expect((error as ExceptionGroup).errors.map(String)).toEqual([
      "Error: in the clean-up",
      expect.stringMatching(/exited with status 4/),
    ]);
  });

  it("ends it on request, which is no failure", function* () {
    const exit = yield* superviseProcess("sleep", ["60"], function* (command) {
      command.cancel();
      return yield* command.waitForExit();
    });
    expect(exit).toEqual({ exitCode: null, signal: "SIGTERM" });
  });

  it("passes a signal on to it", function* () {
    const code = `trap 'echo reloaded' HUP; ${FOREVER}`;
    const lines = yield* superviseProcess("sh", sh(code), { stdout: "read" }, function* (command) {
      const first = yield* command.stdout.receive();
      expect(command.signal("SIGHUP")).toBe(true);
      const second = yield* command.stdout.receive();
      command.cancel();
      yield* command.waitForExit();
      expect(command.signal("SIGHUP")).toBe(false);
      return [first, second];
    });
    expect(lines).toEqual(["up", "reloaded"]);
  });

  it("B60 a cancel kills its whole process group, the stubborn and their children too", function* () {
    const code = `trap '' TERM; (trap '' TERM; ${FOREVER}) & ${FOREVER}`;
    const pids: number[] = [];
    const began = performance.now();
    yield* moveOnAfter(60_000, function* (scope) {
      yield* superviseProcess("sh", sh(code), { stdout: "read", graceMs: 200 }, function* ({ pid, stdout }) {
        pids.push(pid);
        for (let i = 0; i < 2; i++) yield* stdout.receive();
        scope.cancel("enough");
        yield* sleepForever();
      });
    });
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(pids.map(readProcess)).toEqual([undefined]);
    // The rest of the group is for the census to find.
  });

  it("B60 ends what the command has left behind in its group, though that holds its output", function* () {
    const exit = yield* superviseProcess("sh", sh("sleep 60 & exit 0"));
    expect(exit.exitCode).toBe(0);
  });

  it("does not wait for ever for output that something outside of the group holds open", function* () {
    const code = `const { spawn } = require("node:child_process");
      const daemon = spawn("sleep", ["60"], { detached: true, stdio: "inherit" });
      daemon.unref();
      console.log(daemon.pid);`;
    const lines = yield* superviseProcess(process.execPath, ["-e", code], { stdout: "read" }, function* (command) {
      yield* command.waitForExit();
      return yield* linesOf(command.stdout);
    });
    expect(lines).toEqual([expect.stringMatching(/^\d+$/)]);
    process.kill(Number(lines[0]), "SIGKILL"); // that it lives is what is tried here
  });

  it("is ended by the clean-up of its block where that takes care of it", function* () {
    const said: string[] = [];
    yield* moveOnAfter(60_000, (scope) =>
      superviseProcess(
        "sh",
        sh(`trap '' TERM; echo up; cat; echo bye`),
        { stdin: "write", stdout: "read" },
        function* (it) {
          said.push(yield* it.stdout.receive());
          scope.cancel("enough");
          try {
            yield* sleepForever();
          } finally {
            yield* shielded(function* () {
              yield* it.stdin.send("quit\n");
              it.stdin.close();
              said.push(...(yield* linesOf(it.stdout)));
            });
          }
        },
      ),
    );
    expect(said).toEqual(["up", "quit", "bye"]);
  });

  it("gives it environment, working directory, and the mark of its tree", function* () {
    const dir = useTempDir();
    process.env.ESPALIER_TEST_INHERITED = "inherited";
    const code = `pwd; echo $ADDED; echo "<$ESPALIER_TEST_INHERITED>"; echo $${TREE_VARIABLE}`;
    const options = { cwd: dir, env: { ADDED: "added", ESPALIER_TEST_INHERITED: undefined }, stdout: "read" } as const;
    try {
      const lines = yield* superviseProcess("sh", sh(code), options, ({ stdout }) => linesOf(stdout));
      expect(lines).toEqual([dir, "added", "<>", treeMark()]);
    } finally {
      delete process.env.ESPALIER_TEST_INHERITED;
    }
  });

  it("B12 leaves nothing of a command when this process is killed, its children included", async () => {
    const program = startProgram("tests/trionics/fixtures/command-program.ts");
    await program.outputHas(/up\n(?:.*\n)*up/);
    expect(program.processes().filter(({ commandLine }) => /^sh -c/.test(commandLine)).length).toBeGreaterThanOrEqual(
      2,
    );
    program.signal("SIGKILL");
    await program.ended({ goneWithinMs: 10_000 });
  });

  it("is ended by Ctrl-C in good order", async () => {
    const program = startProgram("tests/trionics/fixtures/command-program.ts", { args: ["polite"], ownGroup: true });
    await program.outputHas(/up/);
    program.interrupt();
    const end = await program.ended();
    expect(end.code).toBe(130);
    expect(end.stdout).toMatch(/cleaned up/);
  });
});

function* gather(a: { receive(): Operation<string> }, b: { receive(): Operation<string> }): Operation<string[][]> {
  const out: string[][] = [[], []];
  yield* openNursery(function* (n) {
    for (const [i, subscriber] of [a, b].entries()) {
      n.startSoon(function* () {
        for (let k = 0; k < 3; k++) out[i]?.push(yield* subscriber.receive());
      });
    }
  });
  return out;
}
