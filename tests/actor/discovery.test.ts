/** Actors of one tree that find each other by name. */
import { appendFileSync, existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Operation } from "effection";
import {
  ActorDied,
  ActorNameTaken,
  ActorNotFound,
  type ActorNursery,
  ActorSpawnError,
  CancelScope,
  currentActor,
  type ExceptionGroup,
  each,
  findActor,
  findActors,
  maybeFindActor,
  moveOnAfter,
  NoRuntime,
  openActorNursery,
  openNursery,
  openRootActor,
  type Portal,
  queryActor,
  type RegisteredActor,
  sleepForever,
  type TaskStatus,
  waitForActor,
  watchActors,
} from "espalier";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { LogFile } from "../support/log-file.ts";
import { macrotasks } from "../support/macrotasks.ts";
import { errorOf } from "../support/outcome.ts";
import {
  asks,
  asksAfter,
  asksAtOnce,
  boundedWait,
  endsAfter,
  getsOrStarts,
  maybeAsks,
  names,
  nests,
  queries,
  startsHanging,
  waitsFor,
  watches,
  whoIsThere,
} from "./fixtures/discovery.ts";

const enableModules = [new URL("./fixtures/discovery.ts", import.meta.url)];

/** A tree with children of these names, which ends with `body`. */
const withActors = <K extends string, T>(
  given: readonly K[],
  body: (portals: Readonly<Record<K, Portal>>, an: ActorNursery) => Operation<T>,
): Operation<T> =>
  openActorNursery(function* (an) {
    const portals: Partial<Record<K, Portal>> = {};
    for (const name of given) portals[name] = yield* an.startActor(name, { enableModules });
    const value = yield* body(portals as Record<K, Portal>, an);
    an.cancelScope.cancel("the test is over");
    return value;
  });

/** Several processes each, on a machine that may have far more to do. */
const BUSY_MS = 60_000;

const pathOf = (address: string | undefined) => (address ?? "").slice("/unix".length);
const namesOf = (actors: readonly RegisteredActor[]) => actors.map(({ actor }) => actor.name);
const pidOf = (portal: Portal) => portal.run(whoIsThere);

/** Wait until `holds`: what is looked at changes by other processes. */
function* until(holds: () => Operation<boolean>): Operation<void> {
  while (!(yield* holds())) yield* macrotasks(20);
}

describe("actors of one tree", () => {
  useCensus();

  it(
    "B48 B49 find each other by name, and talk directly; nobody listens before it is looked for",
    function* () {
      let socket = "";
      yield* withActors(["ann", "bob"], function* ({ ann, bob }) {
        expect(yield* ann.run(queries, { name: "bob" })).toMatchObject({ actor: bob.actor, addresses: [] });
        expect(yield* bob.run(whoIsThere)).toMatchObject({ addresses: [] });
        expect(yield* ann.run(asks, { name: "bob" })).toMatchObject({ name: "bob", uuid: bob.actor.uuid });
        const known = yield* queryActor("bob");
        expect(known?.addresses).toHaveLength(1);
        socket = pathOf(known?.addresses[0]);
        expect(existsSync(socket)).toBe(true);
        expect(statSync(dirname(socket)).mode & 0o777).toBe(0o700);
        // The same listener and connection serve all that look for it, also those that ask at once.
        const pids = yield* ann.run(asksAtOnce, { name: "bob", times: 20 });
        expect(new Set(pids).size).toBe(1);
        expect((yield* bob.run(whoIsThere)).addresses).toEqual(known?.addresses);
        expect(yield* ann.run(names)).toEqual(["root", "ann", "bob"]);
      });
      expect(existsSync(dirname(socket))).toBe(false);
    },
    BUSY_MS,
  );

  it(
    "B49 find themselves, their children and their root; a look-up of nobody fails, or gives nobody",
    function* () {
      yield* withActors(["ann"], function* ({ ann }) {
        expect(yield* ann.run(asks, { name: "ann" })).toMatchObject({ uuid: ann.actor.uuid });
        expect(yield* findActor("ann", pidOf, { modules: enableModules })).toMatchObject({ uuid: ann.actor.uuid });
        // It is called over the link that is there.
        expect((yield* ann.run(whoIsThere)).addresses).toEqual([]);
        expect(String(yield* errorOf(ann.run(asks, { name: "root" })))).toMatch(/exposes none/);
        expect((yield* currentActor()).addresses).toHaveLength(1);
        const error = yield* errorOf(ann.run(asks, { name: "nobody" }));
        expect(error).toBeInstanceOf(ActorNotFound);
        expect(error).toMatchObject({ actorName: "nobody", unreachable: [] });
        expect(String(error)).toMatch(/"nobody".*none is registered; .*waitForActor/);
        expect(yield* ann.run(maybeAsks, { name: "nobody" })).toBe("nobody");
        expect(yield* ann.run(maybeAsks, { name: "ann" })).toBe("ann");
        expect(yield* queryActor("nobody")).toBeUndefined();
        expect(yield* findActors("nobody")).toEqual([]);
      });
    },
    BUSY_MS,
  );

  it(
    "B48 at any depth; with an actor that ends or is killed all below it are gone",
    function* () {
      const log = new LogFile();
      yield* withActors(["asking"], function* ({ asking }) {
        for (const how of ["cancelled", "killed"] as const) {
          const outcome = errorOf(
            openActorNursery(function* (an) {
              const above = yield* an.startActor("above", { enableModules });
              yield* openNursery(function* (n) {
                n.startSoon(() => errorOf(above.run(nests, { name: `below-${how}`, log: log.path })));
                yield* log.has(`below-${how} is up`);
                // The file is quicker than the word that goes up the tree.
                expect(yield* asking.run(waitsFor, { name: `below-${how}` })).toMatchObject({ name: `below-${how}` });
                const found = yield* asking.run(queries, { name: `below-${how}` });
                expect(found?.path.map(({ name }) => name)).toEqual(["root", "above"]);
                const socket = pathOf(found?.addresses[0]);
                expect(existsSync(socket)).toBe(true);
                if (how === "cancelled") yield* above.cancelActor();
                else process.kill((yield* above.run(whoIsThere)).pid, "SIGKILL");
              });
              an.cancelScope.cancel();
              if (how === "cancelled") throw new RangeError("ended");
            }),
          );
          const error = (yield* outcome) as ExceptionGroup;
          expect(error.leaves()[0]).toBeInstanceOf(how === "killed" ? ActorDied : RangeError);
          expect(yield* asking.run(names)).toEqual(["root", "asking"]);
          expect(String(yield* errorOf(asking.run(asks, { name: "above" })))).toMatch(/none is registered/);
        }
      });
    },
    BUSY_MS,
  );

  it(
    "B49 wait for each other, and are told at once; a cancelled wait is none any more",
    function* () {
      const log = new LogFile();
      yield* withActors(["ann"], function* ({ ann }, an) {
        let met: unknown;
        yield* openNursery(function* (n) {
          n.startSoon(function* () {
            met = yield* ann.run(asksAfter, { name: "late", log: log.path });
          });
          const own = yield* n.start(function* (status: TaskStatus<CancelScope>) {
            const scope = new CancelScope();
            status.started(scope);
            yield* scope.run(() => waitForActor("late", function* () {}));
          });
          yield* log.has("waits for late");
          own.cancel();
          const late = yield* an.startActor("late", { enableModules });
          expect(yield* ann.run(waitsFor, { name: "late" })).toMatchObject({ uuid: late.actor.uuid });
        });
        expect(met).toMatchObject({ name: "late" });
        // From the root too, and by its deadline.
        expect(yield* moveOnAfter(20, () => waitForActor("never", function* () {}))).toBeUndefined();
        expect(yield* errorOf(ann.run(boundedWait, { name: "never", ms: 50 }))).toMatchObject({
          remoteName: "TooSlowError",
        });
      });
    },
    BUSY_MS,
  );

  it(
    "B32 of several of one name the one that is near is found, or the oldest; all can be listed",
    function* () {
      yield* withActors(["ann"], function* ({ ann }, an) {
        const twins = [];
        for (let i = 0; i < 2; i++) twins.push(yield* an.startActor("twin", { enableModules }));
        expect((yield* findActors("twin")).map(({ actor }) => actor)).toEqual(twins.map(({ actor }) => actor));
        expect(yield* ann.run(asks, { name: "twin" })).toMatchObject({ uuid: twins[0]?.actor.uuid });
        yield* twins[0]?.cancelActor() ?? sleepForever();
        yield* until(function* () {
          return (yield* findActors("twin")).length === 1;
        });
        expect(yield* ann.run(asks, { name: "twin" })).toMatchObject({ uuid: twins[1]?.actor.uuid });
      });
    },
    BUSY_MS,
  );

  it(
    "B50 one that dies between look-up and connection is told as such, and its entry is gone",
    function* () {
      yield* withActors(["ann"], function* ({ ann }) {
        const error = yield* errorOf(
          openActorNursery(function* (an) {
            const bob = yield* an.startActor("bob", { enableModules });
            yield* ann.run(asks, { name: "bob" });
            const { pid } = yield* bob.run(whoIsThere);
            process.kill(pid, "SIGKILL");
            const lost = yield* errorOf(ann.run(asks, { name: "bob" }));
            expect(["ActorNotFound", "TransportClosed"]).toContain((lost as Error).name);
            yield* sleepForever();
          }),
        );
        expect((error as ExceptionGroup).leaves()[0]).toBeInstanceOf(ActorDied);
        expect(yield* errorOf(ann.run(asks, { name: "bob" }))).toMatchObject({ unreachable: [] });
      });
    },
    BUSY_MS,
  );

  it(
    "watch who joins and leaves, with who was there before",
    function* () {
      yield* withActors(["ann"], function* ({ ann }) {
        const [seen, seenByAnn]: [string[], string[]] = [[], []];
        yield* openNursery(function* (n) {
          n.startSoon(function* () {
            yield* ann.openStreamFrom(watches, {}, function* (stream) {
              for (const line of yield* each(stream)) {
                seenByAnn.push(line);
                if (seenByAnn.length === 5) return;
                yield* each.next();
              }
            });
          });
          yield* watchActors(function* (events, present) {
            seen.push(...namesOf(present).map((name) => `present ${name}`));
            yield* until(function* () {
              return seenByAnn.length === 2;
            });
            yield* openActorNursery(function* (an) {
              yield* an.startActor("bob", { enableModules });
              an.cancelScope.cancel();
            });
            for (const { type, actor } of yield* each(events)) {
              seen.push(`${type} ${actor.actor.name}`);
              if (type === "left") return;
              yield* each.next();
            }
          });
          // One change more for the other one to see.
          yield* openActorNursery(function* (an) {
            yield* an.startActor("cid", { enableModules });
            an.cancelScope.cancel();
          });
        });
        expect(seen).toEqual(["present root", "present ann", "joined bob", "left bob"]);
        expect(seenByAnn).toEqual([...seen, "joined cid"]);
      });
    },
    BUSY_MS,
  );
});

describe("a global name", () => {
  useCensus();

  it(
    "is held by one actor of the tree, also when many ask at once, and is free when that has gone",
    function* () {
      const log = new LogFile();
      yield* withActors(["a", "b", "c"], function* (actors, an) {
        const pids = () => log.lines.map(Number);
        yield* openNursery(function* (n) {
          for (const portal of Object.values<Portal>(actors)) {
            for (let i = 0; i < 3; i++)
              n.startSoon(() => errorOf(portal.run(getsOrStarts, { name: "one", log: log.path })));
          }
          yield* until(function* () {
            return pids().length === 9;
          });
          expect(new Set(pids()).size).toBe(1);
          expect(yield* findActors("one")).toMatchObject([{ holdsName: true, pid: pids()[0] }]);
          const taken = yield* errorOf(an.startActor("one", { enableModules, globalName: true }));
          expect(taken).toBeInstanceOf(ActorNameTaken);
          expect(String(taken)).toMatch(/"one" is held by one@\w+; .*getOrStart/);
          // An ordinary one of that name is no concern of it, and is found after it.
          const ordinary = yield* an.startActor("one", { enableModules });
          expect(yield* queryActor("one")).toMatchObject({ pid: pids()[0] });
          yield* ordinary.cancelActor();
          for (const portal of Object.values<Portal>(actors)) yield* portal.cancelActor();
        });
        yield* until(function* () {
          return (yield* findActors("one")).length === 0;
        });
        const again = yield* an.getOrStart("one", { enableModules });
        expect((yield* again.run(whoIsThere)).pid).not.toBe(pids()[0]);
        expect(yield* an.getOrStart("one")).toMatchObject({ actor: again.actor });
      });
    },
    BUSY_MS,
  );

  it(
    "goes to the next who asks when the one that was about to start it dies, or its actor does not come up",
    function* () {
      const log = new LogFile();
      yield* withActors(["heir"], function* ({ heir }) {
        yield* openNursery(function* (n) {
          const died = yield* errorOf(
            openActorNursery(function* (an) {
              const starter = yield* an.startActor("starter", { enableModules });
              n.startSoon(function* () {
                yield* log.has("module is being imported");
                n.startSoon(() => errorOf(heir.run(getsOrStarts, { name: "one", log: log.path })));
                yield* macrotasks(20);
                expect(yield* findActors("one")).toEqual([]);
                process.kill(starterPid, "SIGKILL");
              });
              const { pid: starterPid } = yield* starter.run(whoIsThere);
              yield* starter.run(startsHanging, { name: "one", log: log.path });
            }),
          );
          expect((died as ExceptionGroup).leaves().some((leaf) => leaf instanceof ActorDied)).toBe(true);
          yield* until(function* () {
            return log.lines.length === 2;
          });
          expect(yield* findActors("one")).toMatchObject([{ pid: Number(log.lines[1]), path: [{}, { name: "heir" }] }]);
          yield* heir.cancelActor();
        });
      });
    },
    BUSY_MS,
  );

  it(
    "of one that is about to end is waited for, and its next holder started",
    function* () {
      const log = new LogFile();
      yield* withActors(["heir"], function* ({ heir }) {
        yield* openActorNursery(function* (an) {
          const first = yield* an.getOrStart("one", { enableModules });
          const { pid } = yield* first.run(whoIsThere);
          yield* heir.run(asks, { name: "one" }); // so that it listens, and will not any more
          yield* first.run(endsAfter, { file: log.path });
          yield* openNursery(function* (n) {
            n.startSoon(() => first.cancelActor());
            yield* log.has("ending");
            n.startSoon(() => errorOf(heir.run(getsOrStarts, { name: "one", log: log.path })));
            yield* macrotasks(50);
            expect(log.lines).toEqual(["ending"]);
            appendFileSync(`${log.path}.go`, "");
            yield* until(function* () {
              return log.lines.length === 3;
            });
            expect(log.lines[1]).toBe("ended");
            expect(Number(log.lines[2])).not.toBe(pid);
            yield* heir.cancelActor();
          });
        });
      });
    },
    BUSY_MS,
  );

  it(
    "is free again after a start that failed, and the failure is told",
    function* () {
      yield* withActors([], function* (_none, an) {
        const bad = [new URL("./fixtures/throws-on-import.ts", import.meta.url)];
        expect(yield* errorOf(an.getOrStart("one", { enableModules: bad }))).toBeInstanceOf(ActorSpawnError);
        expect((yield* an.getOrStart("one", { enableModules })).actor.name).toBe("one");
      });
    },
    BUSY_MS,
  );
});

describe("a look-up that is used wrongly", () => {
  it("B1 outside an actor names itself, and how to start one", function* () {
    const body = function* () {};
    for (const wrong of [
      findActor("a", body),
      maybeFindActor("a", body),
      waitForActor("a", body),
      queryActor("a"),
      findActors(),
      watchActors(body),
    ]) {
      expect(yield* errorOf(wrong)).toBeInstanceOf(NoRuntime);
    }
  });

  it("is refused at once, naming what is wrong", function* () {
    yield* openRootActor(function* () {
      const body = function* () {};
      const bad = "not a block" as never;
      expect(String(yield* errorOf(findActor("", body)))).toMatch(
        /findActor: an actor's name is a string, got an empty/,
      );
      expect(String(yield* errorOf(findActor(7 as never, body)))).toMatch(/got 7/);
      expect(String(yield* errorOf(waitForActor("a", bad)))).toMatch(/waitForActor\(name, body\) takes its block/);
      expect(String(yield* errorOf(watchActors(bad)))).toMatch(/watchActors\(body\) takes its block/);
      expect(String(yield* errorOf(queryActor("a", { registryAddrs: [] })))).toMatch(/names no registrar/);
      expect(String(yield* errorOf(queryActor("a", { registryAddrs: ["x"] })))).toMatch(/address must look like/);
      expect(String(yield* errorOf(findActor("a", body, { modules: ["x"] })))).toMatch(/"x" is not a URL/);
    });
  });
});
