/** The rules of a dialog: explored with both sides and the messages between them, then held against the real halves. */
import { ProtocolError, RemoteActorError } from "espalier";
import {
  type Answering,
  type Asking,
  afterAnswer,
  afterQuestion,
  type DialogKind,
  FUNCTYPES,
} from "../../core/rpc/dialog-rules.ts";
import { boxError, type Cid, type Message, type MsgType } from "../../core/wire/mod.ts";
import { describe, expect, it } from "../support/it.ts";
import { macrotasks } from "../support/macrotasks.ts";
import { begin, id, meet, serving } from "../support/peer.ts";

const KINDS: readonly DialogKind[] = ["call", "context", "producer"];
const WORDS: readonly MsgType[] = ["StartAck", "Started", "Yield", "Credit", "Stop", "Return", "Error"];

/** Both sides of one dialog, what is under way between them, and what each has heard of the other. */
interface World {
  readonly answering: Answering;
  readonly asking: Asking;
  readonly heardAnswering: Answering;
  readonly heardAsking: Asking;
  readonly toAsker: readonly MsgType[];
  readonly toAnswerer: readonly MsgType[];
}

const BEGIN: World = {
  answering: "asked",
  asking: "open",
  heardAnswering: "asked",
  heardAsking: "open",
  toAsker: [],
  toAnswerer: [],
};

/** Messages that may be under way in one direction: enough that every pair of words can cross every other. */
const UNDER_WAY = 3;

/** Everything that can happen next. @throws if a side hears what its peer was allowed to say and it was not */
function nextWorlds(kind: DialogKind, world: World): World[] {
  const next: World[] = [];
  for (const word of WORDS) {
    const answering = afterAnswer(kind, world.answering, word);
    if (answering !== undefined && world.toAsker.length < UNDER_WAY) {
      next.push({ ...world, answering, toAsker: [...world.toAsker, word] });
    }
    const asking = afterQuestion(kind, world.heardAnswering, world.asking, word);
    if (asking !== undefined && world.heardAnswering !== "ended" && world.toAnswerer.length < UNDER_WAY) {
      next.push({ ...world, asking, toAnswerer: [...world.toAnswerer, word] });
    }
  }
  const [answer, ...answersLeft] = world.toAsker;
  if (answer !== undefined) {
    const heardAnswering = afterAnswer(kind, world.heardAnswering, answer);
    if (heardAnswering === undefined) throw new Error(`${answer} refused: ${JSON.stringify(world)}`);
    next.push({ ...world, heardAnswering, toAsker: answersLeft });
  }
  const [question, ...questionsLeft] = world.toAnswerer;
  if (question !== undefined) {
    // After its last word the answering side drops what it hears.
    const heardAsking =
      world.answering === "ended"
        ? world.heardAsking
        : afterQuestion(kind, world.answering, world.heardAsking, question);
    if (heardAsking === undefined) throw new Error(`${question} refused: ${JSON.stringify(world)}`);
    next.push({ ...world, heardAsking, toAnswerer: questionsLeft });
  }
  return next;
}

/** All worlds that can be reached, with those that each leads to. */
function explore(kind: DialogKind): Map<string, string[]> {
  const worlds = new Map<string, string[]>();
  const open = [BEGIN];
  for (let world = open.pop(); world !== undefined; world = open.pop()) {
    const key = JSON.stringify(world);
    if (worlds.has(key)) continue;
    const next = nextWorlds(kind, world);
    worlds.set(
      key,
      next.map((w) => JSON.stringify(w)),
    );
    open.push(...next);
  }
  return worlds;
}

const parsed = (key: string): World => JSON.parse(key);

describe("the rules of a dialog, explored", () => {
  it.each(KINDS)("what one side of a %s may say the other may hear, in every order of crossing", (kind) => {
    expect(() => explore(kind)).not.toThrow();
    expect(explore(kind).size).toBeGreaterThan({ call: 5, context: 500, producer: 100 }[kind]);
  });

  it.each(KINDS)("every %s can end from wherever it is, and both sides then know it", (kind) => {
    const worlds = explore(kind);
    const over = [...worlds.keys()].filter((key) => {
      const { heardAnswering, toAsker, toAnswerer } = parsed(key);
      return heardAnswering === "ended" && toAsker.length + toAnswerer.length === 0;
    });
    const canEnd = new Set(over);
    for (let before = -1; before < canEnd.size; ) {
      before = canEnd.size;
      for (const [key, next] of worlds) if (next.some((n) => canEnd.has(n))) canEnd.add(key);
    }
    expect(over.length).toBeGreaterThan(0);
    expect(canEnd.size).toBe(worlds.size);
  });

  it.each(KINDS)("nothing is said in a %s after its last word, and there is one", (kind) => {
    for (const [key, next] of explore(kind)) {
      const world = parsed(key);
      if (world.answering !== "ended") continue;
      for (const after of next) expect(parsed(after).toAsker.length).toBeLessThanOrEqual(world.toAsker.length);
    }
  });
});

/** All sequences of `words` of up to `length`. */
function* sequences<T>(words: readonly T[], length: number): Generator<readonly T[]> {
  yield [];
  if (length === 0) return;
  for (const rest of sequences(words, length - 1)) for (const word of words) yield [...rest, word];
}

function message(word: MsgType, cid: Cid, kind: DialogKind): Message {
  switch (word) {
    case "StartAck":
      return { msg_type: word, cid, functype: FUNCTYPES[kind] };
    case "Credit":
      return { msg_type: word, cid, items: 1, bytes: 1 };
    case "Stop":
      return { msg_type: word, cid };
    case "Error":
      return { msg_type: word, ...boxError(new Error("told"), id("peer")), cid };
    default:
      return { msg_type: word, cid, pld: 7 } as Message;
  }
}

/** What the rules make of a sequence: refused at some word, ended by one, or still going. */
function verdictOf(kind: DialogKind, words: readonly MsgType[]): "breach" | "Return" | "Error" | "open" {
  let at: Answering = "asked";
  for (const word of words) {
    const next = afterAnswer(kind, at, word);
    if (next === undefined) return "breach";
    if (next === "ended") return word === "Return" ? "Return" : "Error";
    at = next;
  }
  return "open";
}

describe("the asking half, told every sequence of words", () => {
  it.each(KINDS)("ends a %s as the rules say: by one outcome, whatever comes after it", function* (kind) {
    const meeting = yield* meet();
    const { channel, peer } = meeting;
    for (const words of sequences(WORDS, 4)) {
      const call = yield* begin(meeting, kind, "asked");
      call.stream?.open({});
      const cancels = peer.heard.length;
      for (const word of words) channel.get(call.cid)?.receive(message(word, call.cid, kind), 1);
      const verdict = verdictOf(kind, words);
      const { result } = call.outcome;
      const told = `${kind}: ${words.join(" ")}`;
      if (verdict === "open") expect(result, told).toBeUndefined();
      else if (verdict === "Return") expect(result, told).toEqual({ ok: true, value: 7 });
      else {
        const cls = verdict === "breach" ? ProtocolError : RemoteActorError;
        expect(result?.ok === false && result.error, told).toBeInstanceOf(cls);
      }
      expect(channel.get(call.cid) === undefined, told).toBe(verdict !== "open");
      channel.remove(call.cid);
      if (verdict !== "breach") continue;
      yield* macrotasks(2);
      const asked = peer.heard.slice(cancels).filter((m) => m.msg_type === "Start" && m.ns === "self");
      expect(asked, told).toHaveLength(1);
    }
    expect(channel.closedBy).toBeUndefined();
  });
});

const DIALOGS = new URL("./fixtures/dialogs.ts", import.meta.url);
const ENDPOINTS: Readonly<Record<DialogKind, string>> = { call: "asked", context: "linked", producer: "produced" };

describe("the answering half, told every sequence of words", () => {
  it.each(KINDS)("keeps the rules of a %s, breaks off where its peer does not, and serves on", function* (kind) {
    let breaches = 0;
    yield* serving({ here: DIALOGS.href }, function* (peer) {
      let cid = 0;
      for (const words of sequences<MsgType | "cancel">([...WORDS, "cancel"], 3)) {
        cid += 2;
        peer.heard.length = 0;
        const start = { cid, ns: "here", uid: ["peer", "peer-uuid"], pld_spec: "typing.Any" } as const;
        peer.say({ msg_type: "Start", ...start, func: ENDPOINTS[kind], kwargs: {} });
        yield* macrotasks(1);
        for (const word of words) {
          if (word !== "cancel") peer.say(message(word, cid, kind));
          else
            peer.say({
              msg_type: "Start",
              ...start,
              cid: cid + 1_000_000,
              ns: "self",
              func: "_cancel_task",
              kwargs: { cid },
            });
          yield* macrotasks(1);
        }
        peer.say({
          msg_type: "Start",
          ...start,
          cid: cid + 1_000_000,
          ns: "self",
          func: "_cancel_task",
          kwargs: { cid },
        });
        yield* macrotasks(2);
        const told = `${kind}: ${words.join(" ")}`;
        const answers = peer.heard.filter((m) => "cid" in m && m.cid === cid);
        let at: Answering = "asked";
        for (const { msg_type } of answers) at = afterAnswer(kind, at, msg_type) ?? expect.fail(`${told}: ${msg_type}`);
        expect(at, told).toBe("ended");
        expect(
          answers.filter((m) => m.msg_type === "Return" || m.msg_type === "Error"),
          told,
        ).toHaveLength(1);
        breaches += answers.some((m) => m.msg_type === "Error" && m.boxed_type_str === "ProtocolError") ? 1 : 0;
        expect(peer.heard.filter((m) => m.msg_type === "CancelAck").length, told).toBeGreaterThan(0);
      }
    });
    expect(breaches).toBeGreaterThan(100);
  });
});

describe("the answering half, asked to be terse", () => {
  it.each([
    ["here", "answered", ["Return"]],
    ["self", "_ready", ["Return"]],
    ["self", "_cancel_task", ["CancelAck"]],
    // It is not what was asked for: that is told at once, and not by a result that may be long in coming.
    ["here", "linked", ["StartAck", "Started", "Credit"]],
    ["here", "produced", ["StartAck"]],
    ["here", "missing", ["Error"]],
  ])("answers %s:%s with %j", function* (ns, func, expected) {
    yield* serving({ here: DIALOGS.href }, function* (peer) {
      const about = { cid: 2, uid: ["peer", "peer-uuid"], pld_spec: "typing.Any", kwargs: {} } as const;
      peer.say({ msg_type: "Start", ...about, ns, func, terse: true });
      yield* macrotasks(2);
      expect(peer.heard.filter((m) => m.msg_type !== "Aid").map((m) => m.msg_type)).toEqual(expected);
    });
  });
});
