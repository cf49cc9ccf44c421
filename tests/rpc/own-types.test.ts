/** Values and errors of the user's own, across a process boundary. */
import type { Operation } from "effection";
import {
  MsgTypeError,
  openActorNursery,
  type Portal,
  RemoteActorError,
  registerCodec,
  registerError,
  remote,
} from "espalier";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { errorOf } from "../support/outcome.ts";
import * as fixture from "./fixtures/own-types.ts";

const { Money, OutOfStock, Unregistered, Weight } = fixture;

const withChild = (body: (portal: Portal) => Operation<void>) =>
  openActorNursery(function* (an) {
    const enableModules = [new URL("./fixtures/own-types.ts", import.meta.url)];
    const portal = yield* an.startActor("types", { enableModules });
    yield* body(portal);
    yield* portal.cancelActor();
  });

describe("types of the user's own", () => {
  useCensus();

  it("B54 cross in a dialog whose endpoint names their codecs: arguments, first value, items each way, result", function* () {
    yield* withChild(function* (portal) {
      yield* portal.openContext(fixture.sumsWithCodec, { from: new Money(5) }, function* (ctx, first) {
        expect(first).toBeInstanceOf(Money);
        yield* ctx.openStream(function* (stream) {
          yield* stream.send(new Money(7));
          expect((yield* stream.receive()).cents).toBe(12);
        });
        expect((yield* ctx.waitForResult()).cents).toBe(12);
      });
      const first = yield* portal.openStreamFrom(fixture.prices, {}, (stream) => stream.receive());
      expect(first.cents).toBe(1);
    });
  });

  it("B54 are refused at their sender in a dialog whose endpoint does not, with the path", function* () {
    yield* withChild(function* (portal) {
      const error = yield* errorOf(portal.openContext(fixture.sumsWithout, { from: new Money(5) }, function* () {}));
      expect(error).toBeInstanceOf(MsgTypeError);
      expect(String(error)).toMatch(/own-types.ts.sumsWithout: args.from: .*Money/);
    });
  });

  it("B54 do not reach a caller that has not been given the codec; it and the endpoint are told, and the actor serves on", function* () {
    yield* withChild(function* (portal) {
      const ns = new URL("./fixtures/own-types.ts", import.meta.url).href;
      const { prices } = remote<typeof fixture>(ns);
      const error = yield* errorOf(portal.openStreamFrom(prices, {}, (stream) => stream.receive()));
      expect(error).toBeInstanceOf(MsgTypeError);
      expect(String(error)).toMatch(
        /own-types.ts.prices: send: a value of type "test.Money", for which this side was given no codec/,
      );
      expect((yield* portal.run(fixture.twice, { weight: new Weight(4) })).grams).toBe(8);
    });
  });

  it("B54 registered for the whole actor they cross everywhere", function* () {
    yield* withChild(function* (portal) {
      const heavy = yield* portal.run(fixture.twice, { weight: new Weight(21) });
      expect(heavy).toBeInstanceOf(Weight);
      expect(heavy.grams).toBe(42);
    });
  });

  it("B54 what a codec refuses to decode is an error of that dialog alone", function* () {
    yield* withChild(function* (portal) {
      const forged = Object.assign(Object.create(Money.prototype), {});
      Object.defineProperty(forged, "cents", { value: "many" });
      const error = yield* errorOf(portal.openContext(fixture.sumsWithCodec, { from: forged }, function* () {}));
      expect(String(error)).toMatch(/codec "test.Money" of this side refuses: cents are a number, got string/);
      expect((yield* portal.run(fixture.twice, { weight: new Weight(1) })).grams).toBe(2);
    });
  });

  it("B14 an error of a registered class comes back as itself, any other with all its text", function* () {
    yield* withChild(function* (portal) {
      const known = (yield* errorOf(portal.run(fixture.order, { known: true }))) as RemoteActorError;
      expect(known).toBeInstanceOf(RemoteActorError);
      expect(known.boxed).toBeInstanceOf(OutOfStock);
      expect(known.boxed).toMatchObject({ message: "only 3 left", left: 3 });
      const unknown = (yield* errorOf(portal.run(fixture.order, { known: false }))) as RemoteActorError;
      expect(unknown.boxed).not.toBeInstanceOf(Unregistered);
      expect(unknown).toMatchObject({ remoteName: "Unregistered", remoteMessage: "no such thing" });
    });
  });

  it("names are given once", () => {
    expect(() => registerCodec({ ...fixture.money, name: "test.Weight" } as never)).toThrow(/got "test.Weight" twice/);
    class OutOfStock2 extends Error {}
    expect(() => registerError(OutOfStock2, { name: "test.OutOfStock" })).toThrow(/another options.name/);
  });
});
