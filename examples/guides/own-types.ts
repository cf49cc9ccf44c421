import { context, openActorNursery, RemoteActorError, registerCodec, registerError, runMain } from "espalier";

export class Money {
  readonly cents: number;
  readonly currency: string;
  constructor(cents: number, currency: string) {
    this.cents = cents;
    this.currency = currency;
  }
}

const money = {
  name: "shop.Money", // the same on both sides, for ever
  match: (value: unknown): value is Money => value instanceof Money,
  encode: ({ cents, currency }: Money) => [cents, currency],
  decode(data: unknown) {
    const [cents, currency]: unknown[] = Array.isArray(data) ? data : []; // it comes from outside: check it
    if (typeof cents !== "number" || typeof currency !== "string") throw new TypeError("not an amount of money");
    return new Money(cents, currency);
  },
};

export class OutOfStock extends Error {
  override readonly name = "OutOfStock";
}
registerError(OutOfStock, { name: "shop.OutOfStock" });

export function* buy({ price }: { price: Money }) {
  if (price.cents > 1_000) throw new OutOfStock(`nothing left for ${price.cents}`);
  return new Money(price.cents + 1, price.currency);
}

export const haggle = context({ codecs: [money] }, function* (ctx, { price }: { price: Money }) {
  yield* ctx.started();
  return new Money(price.cents / 2, price.currency);
});

registerCodec(money); // for every dialog of this actor, and so for `buy`; `haggle` has it anyway

runMain(import.meta, function* () {
  yield* openActorNursery(function* (an) {
    const portal = yield* an.startActor("shop", { enableModules: [import.meta.url] });
    console.log(yield* portal.run(buy, { price: new Money(5, "EUR") }));
    const price = new Money(500, "EUR");
    console.log(yield* portal.openContext(haggle, { price }, (ctx) => ctx.waitForResult()));
    try {
      yield* portal.run(buy, { price: new Money(2_000, "EUR") });
    } catch (error) {
      if (error instanceof RemoteActorError) console.log(error.boxed instanceof OutOfStock, error.remoteMessage);
    }
    yield* portal.cancelActor();
  });
});
