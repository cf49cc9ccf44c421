import { describe, expect, it } from "../support/it.ts";
import { allActors, makePlan } from "./plan.ts";
import type { RoundEnd } from "./round.ts";
import type { Entry } from "./round-log.ts";
import { judge } from "./verdict.ts";

describe("a plan of chaos", () => {
  it("is the same for the same seed, and another for another", () => {
    expect(makePlan(7)).toEqual(makePlan(7));
    expect(makePlan(7)).not.toEqual(makePlan(8));
  });

  it("keeps to its limits, and names every actor once", () => {
    for (let seed = 0; seed < 200; seed++) {
      const names = allActors(makePlan(seed, { maxActors: 40, maxDepth: 5 }).root).map(({ name }) => name);
      expect(names.length).toBeLessThanOrEqual(40);
      expect(new Set(names).size).toBe(names.length);
      expect(Math.max(...names.map((name) => name.split(".").length - 1))).toBeLessThanOrEqual(5);
    }
  });
});

describe("the verdict on a round", () => {
  const plan = {
    seed: 0,
    hurried: false,
    workMs: 1_000,
    ending: "leave",
    faults: [],
    root: {
      name: "r",
      delayMs: 0,
      contains: true,
      dialogs: [],
      children: [{ name: "r.0", delayMs: 0, contains: true, dialogs: [], children: [] }],
    },
  } as const;
  const outcome = (name: string, ...errors: { type: string; actor: string; message: string }[]): Entry => ({
    what: "outcome",
    name,
    cancelled: false,
    errors,
    at: 0,
  });
  const end = (entries: Entry[], more: Partial<RoundEnd> = {}): RoundEnd => ({
    plan,
    entries,
    code: 0,
    signal: null,
    stderr: "",
    hung: false,
    survivors: [],
    sockets: [],
    tookMs: 1,
    goneAfterMs: 1,
    ...more,
  });
  const kill: Entry = { what: "fault", kind: "SIGKILL", target: "r.0", at: 0 };
  const died = { type: "ActorDied", actor: "r.0", message: "actor r.0 was killed by SIGKILL" };
  const closed = { type: "TransportClosed", actor: "r.0", message: "connection closed" };

  it.each([
    ["nothing was done and nothing was seen", end([outcome("r")])],
    ["a kill was seen", end([kill, outcome("r", died, closed)])],
    ["the root was killed", end([{ ...kill, target: "r" }], { code: null, signal: "SIGKILL" })],
  ])("is good where %s", (_what, round) => {
    expect(judge(round)).toEqual([]);
  });

  it.each([
    ["an error comes from nowhere", end([outcome("r", died)]), /r saw an unexplained ActorDied of r\.0/],
    ["a kill raises what it should not", end([kill, outcome("r", died, { ...died, type: "Violation" })]), /Violation/],
    ["another than the one that was hit is named", end([kill, outcome("r", { ...died, actor: "r.1" })]), /of r\.1/],
    ["a kill goes unseen", end([kill, outcome("r")]), /r did not hear of the SIGKILL of r\.0/],
    ["a kill is seen as a closed connection only", end([kill, outcome("r", closed)]), /not that it died/],
    ["it did not end", end([], { hung: true }), /did not end/],
    ["the root fails", end([outcome("r")], { code: 1 }), /the root ended with 1/],
    ["a warning was printed", end([outcome("r")], { stderr: "MaxListenersExceededWarning" }), /MaxListeners/],
    ["an actor says nothing", end([{ what: "working", name: "r", pid: 1, at: 0 }]), /r ended without saying how/],
  ])("is bad where %s", (_what, round, complaint) => {
    expect(judge(round).join("\n")).toMatch(complaint);
  });
});
