/** The challenge by itself: two ends, or one end and somebody who is not one, with every byte in the test's hands. */
import { createSecretKey } from "node:crypto";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { ProtocolError } from "../../core/errors/mod.ts";
import { Challenge, REFUSALS, type Role, type Step } from "../../core/ipc/challenge.ts";
import { describe, expect, it } from "../support/it.ts";

const key = (text: string) => createSecretKey(Buffer.from(text));
const KEY = key("a key of thirty-two bytes, or so");
const nonceOf = (byte: number) => Buffer.alloc(32, byte);
const CHANNEL = Buffer.from("the channel");

interface Options {
  readonly key?: ReturnType<typeof key>;
  readonly nonce?: Buffer;
  readonly binding?: () => Uint8Array;
}

/** A nonce is never used again: each end has another one. */
let ends = 0;
const end = (role: Role, { key = KEY, nonce = nonceOf(++ends), binding = () => CHANNEL }: Options = {}) =>
  new Challenge({ role, key, nonce, binding });

/** What each end has said, and what came of it. */
interface Met {
  readonly initiator: { said: Buffer; last: Step };
  readonly responder: { said: Buffer; last: Step };
}

/** Let two ends talk, in pieces of which `cut` tells the length. */
function meet(initiator: Challenge, responder: Challenge, cut: () => number = () => 1_000): Met {
  const ends = [initiator, responder].map((challenge) => ({
    challenge,
    said: challenge.greeting,
    heard: 0,
    last: { state: "waiting" } as Step,
  }));
  const [a, b] = ends as [(typeof ends)[0], (typeof ends)[0]];
  for (let moved = true; moved; ) {
    moved = false;
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      if (to.last.state !== "waiting" || to.heard === from.said.length) continue;
      const piece = from.said.subarray(to.heard, to.heard + cut());
      to.heard += piece.length;
      to.last = to.challenge.push(piece);
      if (to.last.send !== undefined) to.said = Buffer.concat([to.said, to.last.send]);
      moved = true;
    }
  }
  return { initiator: a, responder: b };
}

const states = ({ initiator, responder }: Met) => [initiator.last.state, responder.last.state];

/** Push all of it, in one piece, to an end that is new. */
const hears = (role: Role, bytes: Uint8Array, options?: Options) => end(role, options).push(bytes);

/** Every way to change one bit. */
const flips = (bytes: Buffer) =>
  Array.from({ length: bytes.length * 8 }, (_, bit) => {
    const copy = Buffer.from(bytes);
    copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    return copy;
  });

const GREETING = 48;
const PROOF = 33;

describe("the challenge", () => {
  it("is passed by two ends that know the same", () => {
    const met = meet(end("initiator"), end("responder"));
    expect(states(met)).toEqual(["passed", "passed"]);
    expect([met.initiator.said.length, met.responder.said.length]).toEqual([GREETING + PROOF, GREETING + PROOF]);
  });

  it("is passed however its bytes are cut", () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.integer({ min: 1, max: 60 })), (cuts) => {
        const met = meet(end("initiator"), end("responder"), () => cuts.next().value ?? 1);
        expect(states(met)).toEqual(["passed", "passed"]);
      }),
    );
    expect(states(meet(end("initiator"), end("responder"), () => 1))).toEqual(["passed", "passed"]);
  });

  it("hands on what the peer says after it, and nothing else", () => {
    const after = Buffer.from("Aid and so on");
    const initiator = end("initiator");
    const responder = end("responder");
    const { send: proof = Buffer.alloc(0) } = initiator.push(responder.greeting);
    const passed = responder.push(Buffer.concat([initiator.greeting, proof, after]));
    expect(passed).toMatchObject({ state: "passed", rest: after });
    expect(initiator.push(Buffer.concat([passed.send ?? after, after]))).toMatchObject({
      state: "passed",
      rest: after,
    });
  });

  it("has the bytes that the protocol page says", () => {
    const secret = { key: createSecretKey(Buffer.alloc(32, 7)), binding: () => Buffer.alloc(32, 9) };
    const met = meet(
      end("initiator", { ...secret, nonce: nonceOf(1) }),
      end("responder", { ...secret, nonce: nonceOf(2) }),
    );
    const page = readFileSync(new URL("../../docs/protocol.md", import.meta.url), "utf8");
    const proofs = [...page.matchAll(/^(?:initiator|responder) {3}([\da-f]{64})$/gm)].map(([, hex]) => hex);
    expect(proofs).toHaveLength(2);
    const greeting = (nonce: string) => `${Buffer.from("espalier-auth/1\n").toString("hex")}${nonce.repeat(32)}`;
    expect(met.initiator.said.toString("hex")).toBe(`${greeting("01")}01${proofs[0]}`);
    expect(met.responder.said.toString("hex")).toBe(`${greeting("02")}01${proofs[1]}`);
  });

  it("ends with the secrets' difference at both ends, and says so to the initiator", () => {
    const met = meet(end("initiator", { key: key("another") }), end("responder"));
    expect(met.initiator.last).toMatchObject({ state: "refused", refusal: "secret" });
    expect(met.responder.last).toMatchObject({ state: "refused", refusal: "secret" });
    expect((met.initiator.last as { why: string }).why).toMatch(/the secrets differ; give both sides the same one/);
    // Of what the responder knows the other has heard nothing.
    expect(met.responder.said.subarray(GREETING)).toEqual(Buffer.from([0, REFUSALS.indexOf("secret")]));
  });

  it("is not passed by who knows nothing and lets the initiator prove itself", () => {
    const initiator = end("initiator");
    initiator.push(end("responder").greeting);
    const forged = Buffer.concat([Buffer.from([1]), Buffer.alloc(32)]);
    expect(initiator.push(forged)).toMatchObject({ state: "refused", refusal: "secret" });
  });

  it("is not passed where the channels differ: somebody sits between them", () => {
    const elsewhere = { binding: () => Buffer.from("another channel") };
    expect(states(meet(end("initiator"), end("responder", elsewhere)))).toEqual(["refused", "refused"]);
  });

  it("asks for the name of the channel when it is there, once", () => {
    let asked = 0;
    const initiator = end("initiator", {
      binding: () => {
        asked++;
        return CHANNEL;
      },
    });
    const responder = end("responder");
    initiator.push(responder.greeting.subarray(0, GREETING - 1));
    expect(asked).toBe(0);
    const { send: proof = Buffer.alloc(0) } = initiator.push(responder.greeting.subarray(GREETING - 1));
    const { send: answer = proof } = responder.push(Buffer.concat([initiator.greeting, proof]));
    expect(initiator.push(answer).state).toBe("passed");
    expect(asked).toBe(1);
  });
});

describe("a challenge that was recorded", () => {
  it("is of no use to who plays the initiator again", () => {
    const { initiator } = meet(end("initiator"), end("responder"));
    expect(hears("responder", initiator.said)).toMatchObject({ state: "refused", refusal: "secret" });
  });

  it("is of no use to who plays the responder again", () => {
    const { responder } = meet(end("initiator"), end("responder"));
    expect(hears("initiator", responder.said)).toMatchObject({ state: "refused", refusal: "secret" });
  });

  it("is of no use in the other role: nobody is convinced by an echo", () => {
    for (const role of ["initiator", "responder"] as const) {
      const echoed = end(role);
      let step = echoed.push(echoed.greeting);
      if (step.state === "waiting" && step.send !== undefined) step = echoed.push(step.send);
      expect(step.state).not.toBe("passed");
    }
    // One that answers with what it hears from another connection of the same side.
    const [one, other] = [end("initiator"), end("initiator")];
    const { send: proof = Buffer.alloc(0) } = other.push(one.greeting);
    one.push(other.greeting);
    expect(one.push(proof)).toMatchObject({ state: "refused", refusal: "secret" });
  });

  it("is not passed by two ends of one role", () => {
    expect(states(meet(end("initiator"), end("initiator")))).not.toContain("passed");
    expect(states(meet(end("responder"), end("responder")))).toEqual(["waiting", "waiting"]);
  });
});

describe("a challenge whose bytes were changed", () => {
  it("is refused for every bit of either greeting and either proof", () => {
    const initiator = end("initiator");
    const responder = end("responder");
    const met = meet(initiator, responder);
    let refused = 0;
    for (const [role, said, own] of [
      ["responder", met.initiator.said, responder],
      ["initiator", met.responder.said, initiator],
    ] as const) {
      const nonce = own.greeting.subarray(-32);
      // The same end again: as it was said, it passes.
      expect(hears(role, said, { nonce }).state).toBe("passed");
      for (const changed of flips(said)) {
        expect(hears(role, changed, { nonce }).state).not.toBe("passed");
        refused++;
      }
    }
    expect(refused).toBe(2 * 8 * (GREETING + PROOF));
  });

  it("waits, and does no more, wherever it is cut off", () => {
    const initiator = end("initiator");
    const responder = end("responder");
    const met = meet(initiator, responder);
    for (const [role, said, own] of [
      ["responder", met.initiator.said, responder],
      ["initiator", met.responder.said, initiator],
    ] as const) {
      for (let length = 0; length < said.length; length++) {
        const step = hears(role, said.subarray(0, length), { nonce: own.greeting.subarray(-32) });
        expect(step.state).toBe("waiting");
        expect(step.send !== undefined).toBe(role === "initiator" && length >= GREETING);
      }
    }
  });

  it("is refused by its first wrong byte, and not answered, if it is something else", () => {
    for (const bytes of [
      Buffer.from([0xc8, 0, 0, 0, 0x86]), // a frame: an Aid without a challenge
      Buffer.from("GET / HTTP/1.1\r\n"),
      Buffer.from("espalier-auti"),
      Buffer.from([0]),
    ]) {
      const step = hears("responder", bytes);
      expect(step).toMatchObject({ state: "refused", refusal: "protocol" });
      expect(step.send).toBeUndefined();
      expect(hears("initiator", bytes).state).toBe("refused");
    }
  });

  it("of another version is told apart, at both ends", () => {
    const greeting = Buffer.concat([Buffer.from("espalier-auth/2\n"), nonceOf(1)]);
    const step = hears("responder", greeting);
    expect(step).toMatchObject({ state: "refused", refusal: "version" });
    const initiator = end("initiator");
    initiator.push(end("responder").greeting);
    expect(initiator.push(step.send ?? Buffer.alloc(0))).toMatchObject({ state: "refused", refusal: "version" });
  });

  it("that refuses for a reason nobody knows is refused", () => {
    const initiator = end("initiator");
    initiator.push(end("responder").greeting);
    expect(initiator.push(Buffer.from([0]))).toEqual({ state: "waiting" });
    expect(initiator.push(Buffer.from([99]))).toMatchObject({ state: "refused", refusal: "protocol" });
  });

  it("is never passed by noise", () => {
    fc.assert(
      fc.property(
        fc.constantFrom<Role>("initiator", "responder"),
        fc.boolean(),
        fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 10 }),
        (role, greets, chunks) => {
          const challenge = end(role);
          let step: Step = greets ? challenge.push(end("initiator").greeting) : { state: "waiting" };
          for (const chunk of chunks) if (step.state === "waiting") step = challenge.push(chunk);
          expect(step.state).not.toBe("passed");
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it("takes nothing more when it is over", () => {
    const refused = end("responder");
    refused.push(Buffer.from("no"));
    expect(() => refused.push(Buffer.from("more"))).toThrow(ProtocolError);
    const initiator = end("initiator");
    const passed = end("responder");
    meet(initiator, passed);
    expect(() => passed.push(Buffer.from("more"))).toThrow(/the challenge is over/);
  });
});
