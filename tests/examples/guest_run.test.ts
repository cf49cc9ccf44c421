/** Guests in servers that nobody here wrote, as their examples have them: real programs, real requests. */

import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { type Program, runProgram, startProgram } from "../support/program.ts";

/** Two programs of TypeScript are started one after the other; a busy machine takes seconds for each. */
const UP = { withinMs: 50_000 };
const TIMEOUT_MS = 80_000;

async function started(file: string): Promise<{ program: Program; url: string }> {
  const program = startProgram(`examples/guest_run/${file}`);
  const [, port] = await program.outputHas(/listening on (\d+)/, UP);
  return { program, url: `http://127.0.0.1:${port}` };
}

const closed = { headers: { connection: "close" } };

describe("guest runs in web servers", () => {
  useCensus();

  it.each(["express.ts", "fastify.ts"])(
    "%s answers from its actor, and a client that leaves cancels its call there",
    async (file) => {
      const { program, url } = await started(file);
      const quote = await fetch(`${url}/quote/BTC`, closed);
      expect([quote.status, await quote.json()]).toEqual([200, { symbol: "BTC", price: 103 }]);
      const failed = await fetch(`${url}/quote/NONE`, closed);
      expect([failed.status, JSON.stringify(await failed.json())]).toEqual([
        500,
        expect.stringContaining("no such symbol: NONE"),
      ]);

      const client = new AbortController();
      const report = fetch(`${url}/report/BTC`, { ...closed, signal: client.signal }).catch(
        (error: Error) => error.name,
      );
      await program.outputHas(/report on BTC begins/);
      client.abort();
      expect(await report).toBe("AbortError");
      await program.outputHas(/report on BTC is cancelled/);

      const other = fetch(`${url}/report/ETH`, closed).then(
        ({ status }) => status,
        (error: Error) => error.name,
      );
      await program.outputHas(/report on ETH begins/);
      program.signal("SIGTERM");
      const ended = await program.ended();
      expect(ended).toMatchObject({ code: 0, signal: null, stderr: "" });
      expect(ended.stdout).toMatch(/report on ETH is cancelled\n(.*\n)*all actors have ended\n$/);
      expect([500, 503, "TypeError"]).toContain(await other);
    },
    TIMEOUT_MS,
  );

  it(
    "express.ts streams items as long as its client listens",
    async () => {
      const { program, url } = await started("express.ts");
      const client = new AbortController();
      const response = await fetch(`${url}/ticks/BTC`, { ...closed, signal: client.signal });
      let text = "";
      const read = async () => {
        for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
          text += chunk;
          if (text.includes('"n":3')) client.abort();
        }
      };
      await expect(read()).rejects.toThrow(/abort/);
      expect(text).toMatch(/^data: {"n":1,"price":104}\n\ndata: {"n":2,/);
      await program.outputHas(/ticks of BTC end/);
      program.signal("SIGTERM");
      expect(await program.ended()).toMatchObject({ code: 0, stderr: "" });
    },
    TIMEOUT_MS,
  );

  it(
    "express.ts ends, and says why, when its actor is killed",
    async () => {
      const { program, url } = await started("express.ts");
      const actor = program.processes().find(({ commandLine }) => /^espalier:prices/.test(commandLine));
      const report = fetch(`${url}/report/BTC`, closed).then(({ status }) => status);
      await program.outputHas(/report on BTC begins/);
      process.kill(actor?.pid ?? 0, "SIGKILL");
      const ended = await program.ended();
      expect(await report).toBeGreaterThanOrEqual(500);
      expect(ended.code).toBe(1);
      expect(ended.stdout).toMatch(/shutting down: the guest has failed/);
      expect(ended.stderr).toMatch(/ActorDied: actor prices@\w+ was killed by SIGKILL/);
    },
    TIMEOUT_MS,
  );

  it.each([
    [["BTC", "ETHER"], { code: 0, stdout: "BTC 103\nETHER 105\n", stderr: "" }],
    [
      ["BTC", "NONE"],
      { code: 1, stdout: "", stderr: expect.stringMatching(/^RemoteActorError: .*no such symbol: NONE/) },
    ],
  ])(
    "cli.ts asks its actor for %j, and leaves nothing",
    async (args, end) => {
      expect(await runProgram("examples/guest_run/cli.ts", { args, ...UP })).toMatchObject(end);
    },
    TIMEOUT_MS,
  );
});
