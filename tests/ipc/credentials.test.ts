import { inspect } from "node:util";
import { Credentials } from "../../core/ipc/credentials.ts";
import { MAX_SECRET_BYTES } from "../../core/ipc/limits.ts";
import { describe, expect, it } from "../support/it.ts";
import { errorOf } from "../support/outcome.ts";
import { actor, authority, elsewhere } from "./fixtures/certificates.ts";

const SECRET = "0123456789abcdef";
const from = (options: object, env: NodeJS.ProcessEnv = {}) => Credentials.from(options, "openRootActor", env);

describe("credentials", () => {
  it("are those of the options, or else of the environment", () => {
    const bytes = (text: string) => new TextEncoder().encode(text);
    expect(from({})).toBeUndefined();
    expect(from({}, { ESPALIER_SECRET: "" })).toBeUndefined();
    expect(from({}, { ESPALIER_SECRET: SECRET })?.reveal().secret).toEqual(bytes(SECRET));
    expect(from({ secret: `${SECRET}!` }, { ESPALIER_SECRET: SECRET })?.reveal().secret).toEqual(bytes(`${SECRET}!`));
    expect(from({ secret: bytes(SECRET) })?.reveal().secret).toEqual(bytes(SECRET));
    expect(from({ tls: actor }, { ESPALIER_SECRET: SECRET })?.reveal().tls).toBe(actor);
  });

  it("are a copy: what is done to the bytes later does not matter", () => {
    const secret = Buffer.from(SECRET);
    const credentials = from({ secret });
    secret.fill(0);
    expect(Buffer.from(credentials?.reveal().secret ?? []).toString()).toBe(SECRET);
  });

  it.each([
    [{ secret: "too short" }, {}, RangeError, /openRootActor: secret must have 16 to 1024 bytes, got 9; make one with/],
    [{ secret: "x".repeat(MAX_SECRET_BYTES + 1) }, {}, RangeError, /must have 16 to 1024 bytes, got 1025/],
    [{ secret: 7 }, {}, TypeError, /openRootActor: secret must be a string or a Uint8Array, got number/],
    [{ secret: null }, {}, TypeError, /got null/],
    [{ secret: "" }, {}, RangeError, /got 0/],
    [{}, { ESPALIER_SECRET: "short" }, RangeError, /^ESPALIER_SECRET must have 16 to 1024 bytes, got 5/],
    [{ tls: actor }, {}, TypeError, /openRootActor: tls says who listens, and a secret who may connect: give a secret/],
    [{ secret: SECRET, tls: true }, {}, TypeError, /openRootActor: tls must be an object, got true/],
    [{ secret: SECRET, tls: { ca: 1 } }, {}, TypeError, /openRootActor: tls.ca must be a string .*got number/],
    [{ secret: SECRET, tls: { ca: "" } }, {}, TypeError, /tls.ca must be a string that is not empty, got ""/],
    [
      { secret: SECRET, tls: { certificate: "x" } },
      {},
      TypeError,
      /tls.certificate is not known; there are key, cert, ca/,
    ],
    [{ secret: SECRET, tls: { key: actor.key } }, {}, TypeError, /openRootActor: tls has key without cert; give both/],
    [{ secret: SECRET, tls: { cert: actor.cert } }, {}, TypeError, /tls has cert without key; give both/],
  ] as const)("refuses %j with %j", (options, env, type, message) => {
    const make = () => from(options, env);
    expect(make).toThrow(type);
    expect(make).toThrow(message);
  });

  it.each([
    ["that are no PEM", { key: "key", cert: "cert" }],
    ["of authorities that are none", { ca: "nobody" }],
    ["of which the key is another's", { key: elsewhere.key, cert: actor.cert }],
  ])("refuse certificates %s when they are checked", function* (_what, tls) {
    const error = yield* errorOf(from({ secret: SECRET, tls })?.check() ?? []);
    expect(error).toBeInstanceOf(TypeError);
    expect(String(error)).toMatch(/tls: key, cert and ca must be PEM, and the key that of the certificate/);
  });

  it("accept certificates that can be used", function* () {
    yield* from({ secret: SECRET, tls: { ...actor, ca: authority } })?.check() ?? [];
  });

  it("are never printed", () => {
    const credentials = from({ secret: SECRET, tls: actor });
    for (const text of [inspect(credentials, { depth: 9, showHidden: true }), JSON.stringify(credentials)]) {
      expect(text).not.toContain(SECRET);
      expect(text).not.toContain("PRIVATE");
    }
  });
});
