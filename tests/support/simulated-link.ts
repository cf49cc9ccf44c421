/**
 * A connection whose frames arrive late, in an order of the simulation's own choosing across dialogs, never within one,
 * until it is cut. Driven by hand: nothing arrives unless `step` lets it.
 */
import { Duplex } from "node:stream";
import fc from "fast-check";
import { FEATURES, FrameReader, FrameWriter, type Message, MessageCodec } from "../../core/wire/mod.ts";

/** Numbers in [0, 1) that depend on `seed` alone. */
export type Random = () => number;

export function seededRandom(seed: number): Random {
  const [draws] = fc.sample(fc.infiniteStream(fc.noBias(fc.integer({ min: 0, max: 2 ** 30 - 1 }))), {
    seed,
    numRuns: 1,
  });
  return () => Number(draws?.next().value) / 2 ** 30;
}

class LinkEnd extends Duplex {
  readonly #onFrame: (frame: Buffer) => void;
  readonly #reader = new FrameReader();

  constructor(onFrame: (frame: Buffer) => void) {
    super({ allowHalfOpen: true });
    this.#onFrame = onFrame;
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#reader.push(chunk);
    for (let frame = this.#reader.next(); frame !== undefined; frame = this.#reader.next()) {
      this.#onFrame(Buffer.from(frame));
    }
    done();
  }
}

/** Frames under way to one end, by the dialog they belong to. */
class Direction {
  readonly queues = new Map<unknown, Buffer[]>();
  readonly #codec = new MessageCodec({ spelling: "compact", features: new Set(FEATURES) });
  #greeted = false;
  to: LinkEnd | undefined;

  readonly take = (frame: Buffer): void => {
    const key = this.#greeted ? dialogOf(this.#codec.decode(frame)) : "greeting";
    this.#greeted = true;
    const queue = this.queues.get(key);
    if (queue === undefined) this.queues.set(key, [frame]);
    else queue.push(frame);
  };

  /** Let the first frame of one dialog arrive. */
  deliver(random: Random): void {
    const keys = this.queues.has("greeting") ? ["greeting"] : [...this.queues.keys()];
    const key = keys[Math.floor(random() * keys.length)];
    const queue = this.queues.get(key) ?? [];
    const frame = queue.shift();
    if (queue.length === 0) this.queues.delete(key);
    if (frame === undefined) return;
    const out = new FrameWriter();
    out.append(frame);
    for (const part of out.take()) this.to?.push(part);
  }
}

/** A request to cancel belongs to the dialog that it is about: it cannot overtake its beginning. */
function dialogOf(message: Message): unknown {
  if (message.msg_type === "Start" && message.ns === "self") return message.kwargs.cid ?? message.cid;
  return "cid" in message ? message.cid : "connection";
}

export class SimulatedLink {
  readonly near: Duplex;
  readonly far: Duplex;
  readonly #directions = [new Direction(), new Direction()] as const;
  #isCut = false;

  constructor() {
    const [toFar, toNear] = this.#directions;
    const near = new LinkEnd(toFar.take);
    const far = new LinkEnd(toNear.take);
    toFar.to = far;
    toNear.to = near;
    this.near = near;
    this.far = far;
  }

  /** Frames that have not arrived. */
  get underWay(): number {
    let count = 0;
    for (const { queues } of this.#directions) for (const queue of queues.values()) count += queue.length;
    return this.#isCut ? 0 : count;
  }

  /** Let up to `most` frames arrive, each way by chance. */
  step(random: Random, most: number): void {
    for (let i = 0; i < most && !this.#isCut; i++) {
      const open = this.#directions.filter(({ queues }) => queues.size > 0);
      open[Math.floor(random() * open.length)]?.deliver(random);
    }
  }

  /** Nothing arrives any more, and both ends hear of that. */
  cut(): void {
    this.#isCut = true;
    for (const end of [this.near, this.far]) end.destroy(new Error("the link was cut"));
  }
}
