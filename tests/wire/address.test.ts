import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Address, formatAddress, fromWireAddress, parseAddress, toWireAddress } from "../../core/wire/mod.ts";

const port = fc.integer({ min: 0, max: 65535 });
const address: fc.Arbitrary<Address> = fc.oneof(
  fc
    .stringMatching(/^\/[^\0]{1,25}$/)
    .filter((path) => Buffer.byteLength(path) <= 103 && Buffer.from(path).toString() === path)
    .map((path): Address => ({ transport: "unix", path })),
  fc.tuple(fc.ipV4(), port).map(([host, p]): Address => ({ transport: "tcp", family: "ip4", host, port: p })),
  fc.tuple(fc.ipV6(), port).map(([host, p]): Address => ({ transport: "tcp", family: "ip6", host, port: p })),
  fc.tuple(fc.domain(), port).map(([host, p]): Address => ({ transport: "tcp", family: "dns4", host, port: p })),
);

describe("addresses", () => {
  it.each([
    ["/unix/run/x.sock", { transport: "unix", path: "/run/x.sock" }, ["unix", "/run/x.sock"]],
    ["/ip4/127.0.0.1/tcp/0", { transport: "tcp", family: "ip4", host: "127.0.0.1", port: 0 }, ["127.0.0.1", 0]],
    ["/ip6/::1/tcp/1", { transport: "tcp", family: "ip6", host: "::1", port: 1 }, ["::1", 1]],
    ["/dns4/host/tcp/65535", { transport: "tcp", family: "dns4", host: "host", port: 65535 }, ["host", 65535]],
  ] as const)("B52 %s is read, written and sent", (text, parsed, wire) => {
    expect(parseAddress(text)).toEqual(parsed);
    expect(formatAddress(parsed)).toBe(text);
    expect(toWireAddress(parsed)).toEqual(wire);
    expect(fromWireAddress(wire)).toEqual(parsed);
  });

  it("B52 address strings and wire forms round-trip", () => {
    fc.assert(
      fc.property(address, (one) => {
        expect(parseAddress(formatAddress(one))).toEqual(one);
        expect(fromWireAddress(toWireAddress(one))).toEqual(one);
      }),
    );
  });

  it.each([
    ["", "must look like"],
    ["127.0.0.1:80", "must look like"],
    ["/ip4/127.0.0.1/tcp", "must look like"],
    ["/ip4/127.0.0.1/tcp/1/ws", "must look like"],
    ["/ip5/127.0.0.1/tcp/1", '"ip5"'],
    ["/ip4/127.0.0.1/udp/1", '"udp"'],
    ["/ip4/127.0.0.1/tcp/65536", "port"],
    ["/ip4/127.0.0.1/tcp/01", "port"],
    ["/ip4/127.0.0.1/tcp/-1", "port"],
    ["/ip4/127.0.0.256/tcp/1", '"127.0.0.256"'],
    ["/ip4/127.0.0.01/tcp/1", "host"],
    ["/ip6/::g/tcp/1", "host"],
    ["/ip6/1::2::3/tcp/1", "host"],
    ["/dns4/-bad/tcp/1", "host"],
    ["/dns4//tcp/1", "host"],
    ["/unix/", "path"],
    [`/unix/${"x".repeat(103)}`, "103 bytes, got 104"],
    ["/unix/a\0b", "path"],
  ])("%j is refused, naming what is wrong", (text, named) => {
    expect(() => parseAddress(text)).toThrow(RangeError);
    expect(() => parseAddress(text)).toThrow(named);
  });

  it.each([[null], [[]], [["h"]], [["h", "p"]], [[1, 2]], [["h", 1, 2]], [{ 0: "h", 1: 1 }]])(
    "the wire form %j is refused",
    (wire) => {
      expect(() => fromWireAddress(wire)).toThrow(TypeError);
    },
  );

  it.each([[["h", 65536]], [["h", 1.5]], [["h", Number.NaN]], [["..", 1]], [["unix", "relative"]]])(
    "the wire form %j is refused by value",
    (wire) => {
      expect(() => fromWireAddress(wire)).toThrow(RangeError);
    },
  );
});
