/** Actors on two hosts, with a network between them. */
import { type Operation, until } from "effection";
import { useCensus } from "../support/census.ts";
import { type Hosts, hasNamespaces, withHosts } from "../support/hosts.ts";
import { describe, expect, it } from "../support/it.ts";
import { type Program, startProgram } from "../support/program.ts";

const SECRET = { ESPALIER_SECRET: "what both hosts were told" };
const where = hasNamespaces
  ? "network namespaces"
  : "loopback addresses, as network namespaces may not be made here: the network is not cut";

/** Programs take seconds to start, and here some wait for the kernel. */
const TIMEOUT_MS = 60_000;

interface Meeting {
  readonly hosts: Hosts;
  /** On host a. */
  readonly service: Program;
  /** Start the peer on host b. */
  peer(action: string, env?: Record<string, string>): Program;
}

function* meeting(body: (meeting: Meeting) => Operation<void>): Operation<void> {
  yield* withHosts(function* (hosts) {
    const { a, b } = hosts;
    const service = startProgram("tests/actor/fixtures/host-service.ts", {
      args: [`/ip4/${a.ip}/tcp/0`],
      env: SECRET,
      launcher: a.launcher,
    });
    const [, address = ""] = yield* until(service.outputHas(/^at (\S+)$/m));
    const programs = [service];
    const peer = (action: string, env: Record<string, string> = SECRET) => {
      const args = [action, address, b.ip];
      const program = startProgram("tests/actor/fixtures/host-peer.ts", { args, env, launcher: b.launcher });
      programs.push(program);
      return program;
    };
    try {
      yield* body({ hosts, service, peer });
    } finally {
      for (const program of programs) program.signal("SIGTERM");
    }
    yield* until(service.ended());
  });
}

function* outputOf(program: Program): Operation<string> {
  return (yield* until(program.ended({ withinMs: 30_000 }))).stdout;
}

describe(`two hosts (${where})`, () => {
  useCensus();

  it(
    "call each other with the secret, and are told of another one or none",
    function* () {
      yield* meeting(function* ({ service, peer, hosts }) {
        expect(yield* outputOf(peer("greet"))).toBe("hello from afar\n");
        expect(yield* outputOf(peer("greet", { ESPALIER_SECRET: "what nobody was told" }))).toMatch(
          /AuthenticationError: cannot authenticate with \/ip4\/.*: the secrets differ/,
        );
        const [, refused = ""] = yield* until(service.outputHas(/(a peer was refused.*)/, { stream: "stderr" }));
        expect(refused).toMatch(/the secrets differ/);
        if (hasNamespaces) expect(refused).toContain(`/ip4/${hosts.b.ip}/tcp/`);
        const without = yield* outputOf(peer("greet", {}));
        expect(without).toMatch(
          hasNamespaces ? /ConnectError: .*has to know a secret/ : /TransportClosed: .*asks for a secret does that/,
        );
        expect(yield* outputOf(peer("greet"))).toBe("hello from afar\n");
      });
    },
    TIMEOUT_MS,
  );

  it(
    "do not take what was said once for somebody who knows the secret",
    function* () {
      yield* meeting(function* ({ service, peer }) {
        expect(yield* outputOf(peer("replay"))).toBe("hello the tap\ntrue said again; the service has hung up\n");
        yield* until(service.outputHas(/a peer was refused/, { stream: "stderr" }));
        expect(yield* outputOf(peer("greet"))).toBe("hello from afar\n");
      });
    },
    TIMEOUT_MS,
  );

  it(
    "take 40 ms each way for a call, and for fifty at once no longer",
    function* () {
      yield* meeting(function* ({ peer }) {
        const times: { openedMs: number; callsMs: number } = JSON.parse(yield* outputOf(peer("slow")));
        // There and back: twice for TLS, and once for the challenge, with which the greetings come.
        expect(times.openedMs).toBeGreaterThan(3 * 80 - 1);
        expect(times.callsMs).toBeGreaterThan(80 - 1);
        // One after the other they would take 50 times as long.
        expect(times.callsMs).toBeLessThan(25 * 80);
      });
    },
    TIMEOUT_MS,
  );

  if (!hasNamespaces) return;

  it(
    "lose nothing when the network between them is cut for a while, and are not stuck meanwhile",
    function* () {
      yield* meeting(function* ({ hosts, peer }) {
        const program = peer("stream");
        yield* until(program.outputHas(/^streaming$/m));
        hosts.cut();
        program.write("ask briefly\n");
        yield* until(program.outputHas(/^(no answer|ActorTooSlowError)$/m));
        hosts.heal();
        program.write("go on\n");
        yield* until(program.outputHas(/^streaming again$/m, { withinMs: 30_000 }));
        program.write("end\n");
        program.endInput();
        expect(yield* outputOf(program)).toMatch(/\nhello again\nstreaming again\nall in order: true\n$/);
      });
    },
    TIMEOUT_MS,
  );

  it(
    "notice that the other one is gone for good, also when nothing is said",
    function* () {
      yield* meeting(function* ({ hosts, service, peer }) {
        const program = peer("hold");
        yield* until(program.outputHas(/^holding$/m));
        // What is not acknowledged is sent again and again, and then the kernel does not ask.
        yield* hosts.quiet();
        hosts.cut();
        yield* until(service.outputHas(/^they are gone$/m, { withinMs: 45_000 }));
        expect(service.stdout).toMatch(/somebody has come/);
        yield* until(program.outputHas(/TransportClosed/, { withinMs: 45_000 }));
      });
    },
    TIMEOUT_MS,
  );
});
