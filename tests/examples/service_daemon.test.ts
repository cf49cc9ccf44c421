import { readFileSync } from "node:fs";
import { join } from "node:path";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { startProgram } from "../support/program.ts";
import { useTempDir } from "../support/temp-dir.ts";

const DAEMON = "examples/service_daemon/daemon.ts";
const CLIENT = "examples/service_daemon/client.ts";

describe("a daemon and its clients", () => {
  useCensus();

  it.each([
    ["the daemon", [DAEMON, CLIENT]],
    ["the client", [CLIENT, DAEMON]],
  ] as const)(
    "find each other when %s is started first; the daemon ends when a client asks it to",
    async (_what, order) => {
      const registry = `/unix${join(useTempDir(), "demo", "registry")}`;
      const [first, second] = order.map((file) => startProgram(file, { args: [registry, "--stop"] }));
      const ends = await Promise.all([first?.ended(), second?.ended()]);
      const [daemon, client] = order[0] === DAEMON ? ends : [ends[1], ends[0]];
      expect(daemon).toMatchObject({ code: 0, stdout: "", stderr: "" });
      expect(client).toMatchObject({ code: 0, stderr: "" });
      // As the guide has it, but for the pid.
      const [, printed] = /the client prints\n\n```text\n([\s\S]*?)```/.exec(guide()) ?? [];
      expect(client?.stdout.replace(/process \d+/, "process 4242")).toBe(printed);
    },
  );
});

function guide(): string {
  return readFileSync(new URL("../../docs/guides/many-programs.md", import.meta.url), "utf8");
}
