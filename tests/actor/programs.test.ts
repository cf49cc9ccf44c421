/** Programs that share a registry: started in any order, ended in any order. */
import { join } from "node:path";
import { type Operation, until } from "effection";
import {
  findActor,
  findActors,
  openActorNursery,
  openNursery,
  openRootActor,
  queryActor,
  waitForActor,
} from "espalier";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { macrotasks } from "../support/macrotasks.ts";
import { errorOf } from "../support/outcome.ts";
import { type Program, startProgram } from "../support/program.ts";
import { useTempDir } from "../support/temp-dir.ts";
import { asks, names, whoIsThere } from "./fixtures/discovery.ts";

const modules = [new URL("./fixtures/discovery.ts", import.meta.url)];
const newAddress = () => `/unix${join(useTempDir(), "registry", "s")}`;

/** Three programs with a child each, on a machine that may have far more to do. */
const BUSY = { withinMs: 40_000 };

class Member {
  readonly program: Program;
  #asked = 0;

  constructor(how: "ensure" | "join", address: string, name: string) {
    this.program = startProgram("tests/actor/fixtures/member.ts", { args: [how, address, name] });
  }

  *isUp(): Operation<this> {
    yield* until(this.program.outputHas(/^up$/m, BUSY));
    return this;
  }

  /** What it finds out. */
  *says(what: string): Operation<string> {
    const id = `q${++this.#asked}`;
    this.program.write(`${id} ${what}\n`);
    const [, said = ""] = yield* until(this.program.outputHas(new RegExp(`^${id}: (.*)$`, "m"), BUSY));
    return said;
  }

  *seesIn(words: string): Operation<void> {
    while ((yield* this.says("names")) !== words) yield* macrotasks(50);
  }

  *ends(): Operation<{ code: number | null; stderr: string }> {
    this.program.endInput();
    return yield* until(this.program.ended());
  }

  *dies(): Operation<void> {
    this.program.signal("SIGKILL");
    yield* until(this.program.ended());
  }
}

describe("programs on one registry", () => {
  useCensus();

  it("B51 one joins a running tree, finds and is found, and leaves without disturbing it", function* () {
    const address = newAddress();
    yield* openRootActor(
      function* (root) {
        expect(root.addresses).toEqual([address]);
        yield* openActorNursery(function* (an) {
          const ours = yield* an.startActor("ours", { enableModules: modules });
          const guest = new Member("join", address, "guest");
          // By subscription: the guest's child is there when the guest has started it.
          expect(yield* waitForActor("guest-child", (portal) => portal.run(whoIsThere), { modules })).toMatchObject({
            name: "guest-child",
          });
          yield* guest.isUp();
          expect(yield* ours.run(asks, { name: "guest-child" })).toMatchObject({ name: "guest-child" });
          expect(yield* ours.run(asks, { name: "guest" })).toMatchObject({ name: "guest", pid: guest.program.pid });
          expect(yield* guest.says("ask ours")).toBe("ours");
          expect(yield* guest.says("ask host")).toBe("host");
          expect(yield* guest.says("names")).toBe("guest guest-child host ours");
          expect(yield* queryActor("guest-child")).toMatchObject({ path: [{ name: "guest" }] });
          expect(yield* guest.says("ask nobody")).toMatch(/^ActorNotFound/);
          expect(yield* guest.ends()).toMatchObject({ code: 0, stderr: "" });
          while ((yield* findActors()).length > 2) yield* macrotasks(20);
          expect(yield* ours.run(names)).toEqual(["host", "ours"]);
          expect(String(yield* errorOf(ours.run(asks, { name: "guest-child" })))).toMatch(/ActorNotFound|none is/);
          an.cancelScope.cancel();
        });
      },
      { name: "host", enableModules: modules, ensureRegistry: address },
    );
  }, 60_000);

  // They are alike but for which of them is the registrar: these are all the orders that there are.
  it.each([
    ["at once", "the registrar, then another", [0, 1]],
    ["at once", "another, then the registrar", [1, 0]],
    ["one after the other", "each that is the registrar", [0, 0]],
    ["one after the other", "each that is not", [1, 1]],
  ] as const)(
    "three that start %s settle who is registrar, and others take over; killed: %s",
    function* (start, _what, order) {
      const address = newAddress();
      const members = new Map<string, Member>();
      const of = (living: Iterable<string>) => [...living].flatMap((name) => [name, `${name}-child`]).join(" ");
      for (const name of ["a", "b", "c"]) {
        const member = new Member("ensure", address, name);
        members.set(name, member);
        if (start !== "at once") yield* member.isUp();
      }
      for (const member of members.values()) yield* member.isUp();
      for (const member of members.values()) yield* member.seesIn(of(members.keys()));
      expect(yield* (members.get("a") as Member).says("ask c-child")).toBe("c-child");
      expect(yield* (members.get("c") as Member).says("ask a")).toBe("a");
      // Who it is knows by where it listens.
      const registrarOf = function* (): Operation<string> {
        return yield* openRootActor(function* () {
          const all = yield* findActors(undefined, { registryAddrs: [address] });
          return all.find(({ addresses }) => addresses.includes(address))?.actor.name ?? "nobody";
        });
      };
      for (const which of order) {
        const registrar = yield* registrarOf();
        const others = [...members.keys()].filter((name) => name !== registrar);
        const victim = which === 0 ? registrar : (others[0] as string);
        yield* (members.get(victim) as Member).dies();
        members.delete(victim);
        for (const member of members.values()) yield* member.seesIn(of(members.keys()));
      }
      const [last] = members.values();
      expect(yield* (last as Member).ends()).toMatchObject({ code: 0 });
    },
    60_000,
  );

  it("a registrar that is killed while it is asked is told as that; when it is back all is as before", function* () {
    const address = newAddress();
    const first = yield* new Member("ensure", address, "first").isUp();
    yield* openRootActor(
      function* () {
        expect(yield* findActor("first", (portal) => portal.run(whoIsThere), { modules })).toMatchObject({
          name: "first",
        });
        first.program.signal("SIGSTOP");
        let lost: unknown;
        let met: unknown;
        yield* openNursery(function* (n) {
          n.startSoon(function* () {
            lost = yield* errorOf(findActor("second-child", function* () {}));
          });
          n.startSoon(function* () {
            met = yield* waitForActor("second-child", (portal) => portal.run(whoIsThere), { modules });
          });
          yield* macrotasks(20);
          yield* first.dies();
          while (lost === undefined) yield* macrotasks(20);
          expect(lost).toMatchObject({ name: "RegistrarUnavailable", address });
          expect(yield* errorOf(findActor("first-child", function* () {}))).toMatchObject({
            name: "RegistrarUnavailable",
          });
          // Its own tree is known here.
          expect(yield* queryActor("guest")).toMatchObject({ pid: process.pid });
          const second = yield* new Member("ensure", address, "second").isUp();
          while (met === undefined) yield* macrotasks(20);
          yield* second.seesIn("guest second second-child");
          yield* second.ends();
        });
        expect(met).toMatchObject({ name: "second-child" });
      },
      { name: "guest", registryAddrs: [address] },
    );
    expect(yield* errorOf(findActorsAt(address))).toMatchObject({ name: "RegistrarUnavailable" });
  }, 60_000);
});

const findActorsAt = (address: string) =>
  openRootActor(function* () {
    return yield* findActors(undefined, { registryAddrs: [address] });
  });
