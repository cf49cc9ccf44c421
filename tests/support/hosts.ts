/**
 * Two hosts with a network between them that is theirs alone: network namespaces, joined by a virtual cable. Each lives
 * as long as the process that holds it, which ends when its input does; so nothing is left however the tests end.
 * Where namespaces may not be made, two loopback addresses stand in, with a cable that cannot be cut.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { type Operation, until } from "effection";
import { macrotasks } from "./macrotasks.ts";

export interface Host {
  readonly ip: string;
  /** What a program is started with so that it runs there. */
  readonly launcher: readonly string[];
}

export interface Hosts {
  readonly a: Host;
  readonly b: Host;
  /** What is sent does not arrive, and nobody hears of that. */
  cut(): void;
  heal(): void;
  /** Wait until each has heard what the other has sent, and that is known: nothing is on its way. */
  quiet(): Operation<void>;
}

/** Whether this process may make network namespaces. */
export const hasNamespaces = spawnSync("unshare", ["--net", "ip", "link", "set", "lo", "up"]).status === 0;

const CABLE = "cable";

export function* withHosts(body: (hosts: Hosts) => Operation<void>): Operation<void> {
  if (!hasNamespaces) return yield* body(onLoopback);
  const holders: Holder[] = [];
  try {
    for (const ip of ["10.77.0.1", "10.77.0.2"]) holders.push(new Holder(ip));
    const [a, b] = holders as [Holder, Holder];
    for (const holder of holders) yield* until(holder.up);
    a.run("ip", "link", "add", CABLE, "type", "veth", "peer", "name", CABLE, "netns", String(b.pid));
    for (const holder of holders) {
      holder.run("ip", "address", "add", `${holder.ip}/24`, "dev", CABLE);
      for (const device of [CABLE, "lo"]) holder.run("ip", "link", "set", device, "up");
    }
    const cable = (state: "up" | "down") => a.run("ip", "link", "set", CABLE, state);
    function* quiet(): Operation<void> {
      while (!holders.every((holder) => holder.isQuiet())) yield* macrotasks(1);
    }
    yield* body({ a, b, cut: () => cable("down"), heal: () => cable("up"), quiet });
  } finally {
    for (const holder of holders) holder.end();
  }
}

const onLoopback: Hosts = {
  a: { ip: "127.0.0.1", launcher: [] },
  b: { ip: "127.0.0.2", launcher: [] },
  cut: cannotBeCut,
  heal: cannotBeCut,
  quiet: cannotBeCut,
};

function cannotBeCut(): never {
  throw new Error("it takes network namespaces to cut a network: ask `hasNamespaces` first");
}

class Holder implements Host {
  readonly ip: string;
  /** Resolves when its namespace is there. */
  readonly up: Promise<void>;
  readonly #process: ChildProcess;

  constructor(ip: string) {
    this.ip = ip;
    const child = spawn("unshare", ["--net", "sh", "-c", "echo up; read end"], { stdio: ["pipe", "pipe", "inherit"] });
    this.#process = child;
    this.up = new Promise((resolve, reject) => {
      child.stdout.once("data", () => resolve());
      child.once("exit", () => reject(new Error("the holder of a network namespace has ended")));
    });
    this.up.catch(() => {}); // observed by who waits for it
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get launcher(): readonly string[] {
    return ["nsenter", `--net=/proc/${this.pid}/ns/net`];
  }

  /** Whether all that was sent from here by TCP has been acknowledged. */
  isQuiet(): boolean {
    const connections = this.run("ss", "--no-header", "--tcp", "--numeric", "state", "established");
    // [ received and not read ][ sent and not acknowledged ][ local address ][ peer's address ]
    return connections.split("\n").every((line) => line === "" || /^\d+\s+0\s/.test(line));
  }

  /**
   * @returns what the command has printed
   * @throws Error with what it has to say, if it fails
   */
  run(...command: string[]): string {
    const [program = "", ...args] = [...this.launcher, ...command];
    const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
    if (status !== 0) throw new Error(`${command.join(" ")} failed: ${stderr}`, { cause: error });
    return stdout;
  }

  end(): void {
    this.#process.stdin?.end();
  }
}
