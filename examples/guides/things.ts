import { type Context, context, currentActor, sleepForever } from "espalier";

export function* add({ a, b }: { a: number; b: number }) {
  return a + b;
}

/** What a child is told, and what it takes over. */
export function* about() {
  const { name, parent } = yield* currentActor();
  const { title, env, execArgv } = process;
  return { name, title, parent: parent?.name, isSpare: execArgv.includes("--max-old-space-size=256"), env: env.REGION };
}

export function* pays({ amount }: { amount: number }) {
  const cause = new TypeError("the account is frozen");
  throw Object.assign(new RangeError(`cannot pay ${amount}`, { cause }), { code: "E_PAY", amount });
}

export function* exits({ status }: { status: number }) {
  process.exit(status);
}

export function* waits({ name }: { name: string }) {
  try {
    return yield* sleepForever();
  } finally {
    console.log(`there: ${name} is cancelled`);
  }
}

export const waiting = context(function* (ctx: Context, { name }: { name: string }) {
  yield* ctx.started();
  yield* waits({ name });
});
