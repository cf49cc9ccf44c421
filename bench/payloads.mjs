/** What the streams carry: the same for all. An item is made from its number, and weighed by who receives it. */

/**
 * @typedef {object} Payload
 * @property {(i: number) => NonNullable<unknown>} make
 * @property {(item: any) => number} weigh - touches the item; the weights of a stream are summed and compared
 * @property {number} window - items that may be on their way, where the sender counts acknowledgements
 * @property {number} bytes - of one item; 0 where that is not what is counted
 */

const KIB = 1_024;

/** @type {(size: number, window: number) => Payload} */
function bytes(size, window) {
  // Not before it is sent: every child imports this module, also those whose start and memory are measured.
  /** @type {Uint8Array | undefined} */
  let item;
  return {
    make: () => {
      item ??= Uint8Array.from({ length: size }, (_, i) => i & 0xff);
      return item;
    },
    weigh: (/** @type {Uint8Array} */ received) => received.byteLength + at(received, 1) + at(received, size - 1),
    window,
    bytes: size,
  };
}

/** @type {(received: Uint8Array, index: number) => number} */
function at(received, index) {
  return received[index] ?? Number.NaN;
}

/** @typedef {{ symbol: string, price: number, size: number, time: number, side: string }} Tick */

export const PAYLOADS = {
  int: {
    make: (/** @type {number} */ i) => i & 0x7f,
    weigh: (/** @type {number} */ item) => item,
    window: 1_024,
    bytes: 0,
  },
  object: {
    make: (/** @type {number} */ i) => ({
      symbol: "ESPL",
      price: 101.25,
      size: i & 0x3ff,
      time: 1_700_000_000_000 + i,
      side: "buy",
    }),
    weigh: (/** @type {Tick} */ item) => item.size,
    window: 1_024,
    bytes: 0,
  },
  "bytes-64k": bytes(64 * KIB, 16),
  "bytes-1m": bytes(KIB * KIB, 2),
};

/** @typedef {keyof typeof PAYLOADS} PayloadName */

/**
 * The sum of the weights of the first `count` items.
 *
 * @param {PayloadName} name
 * @param {number} count
 */
export function expectedWeight(name, count) {
  const { make, weigh, bytes: size } = PAYLOADS[name];
  if (size > 0) return weigh(make(0)) * count;
  let sum = 0;
  for (let i = 0; i < count; i++) sum += weigh(make(i));
  return sum;
}
