/** A host with a guest ends as it would without one, and nothing of the guest outlives it. */
import { run } from "../../core/mod.ts";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { LogFile } from "../support/log-file.ts";
import { startProgram } from "../support/program.ts";

const PROGRAM = "tests/interop/fixtures/host-program.ts";
/** An orphan has 750 ms to end; the machine that runs the tests may have more to do. */
const GONE = { goneWithinMs: 2_500, withinMs: 50_000 };
const UP = { withinMs: 50_000 };
const TIMEOUT_MS = 60_000;

describe("a host program with a guest", () => {
  useCensus();

  it.each([
    ["exits", { code: 3, signal: null }, /^$/],
    ["throws", { code: 1, signal: null }, /RangeError: the host has crashed/],
    ["rejects", { code: 1, signal: null }, /RangeError: the host has crashed/],
    ["closes", { code: 0, signal: null }, /^$/],
    ["has no children", { code: 0, signal: null }, /^$/],
  ])(
    "that %s ends with its own status, at once, and its actors with it",
    async (how, end, stderr) => {
      const program = startProgram(PROGRAM, { args: [how, new LogFile().path] });
      const ended = await program.ended(GONE);
      expect(ended).toMatchObject({ ...end, stdout: "the host is up\n" });
      expect(ended.stderr).toMatch(stderr);
    },
    TIMEOUT_MS,
  );

  it.each(["SIGTERM", "SIGINT", "SIGKILL"] as const)(
    "that %s ends has its signals as ever",
    async (signal) => {
      const program = startProgram(PROGRAM, { args: ["is ended", new LogFile().path] });
      await program.outputHas(/the host is up/, UP);
      program.signal(signal);
      expect(await program.ended(GONE)).toMatchObject({ code: null, signal, stderr: "" });
    },
    TIMEOUT_MS,
  );

  it(
    "is kept alive by its guest's actors, and ends when it has closed the guest",
    async () => {
      const log = new LogFile();
      const program = startProgram(PROGRAM, { args: ["closes on SIGTERM", log.path] });
      await program.outputHas(/the host is up/, UP);
      await run(() => log.has("began"));
      program.signal("SIGTERM");
      const ended = await program.ended(GONE);
      expect(ended).toMatchObject({ code: 0, signal: null, stdout: "the host is up\nclosed in good order\n" });
      expect(log.lines).toEqual(["began", "ended"]);
    },
    TIMEOUT_MS,
  );
});
