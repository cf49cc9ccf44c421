/** What can be chosen, and seen, of a message stream. */
import { DEFAULT_STREAM_BYTES, DEFAULT_STREAM_CAPACITY } from "./limits.ts";

const OVERFLOWS = ["backpressure", "error", "drop-oldest", "drop-newest"] as const;

/**
 * What happens to an item that finds no room.
 * - `backpressure`: its sender waits
 * - `error`: the stream fails with `StreamOverrun`, on the side that has chosen so
 * - `drop-oldest`, `drop-newest`: an item is dropped, and counted
 */
export type Overflow = (typeof OVERFLOWS)[number];

export interface StreamOptions {
  /** Items this side takes before its consumer has to keep up; `DEFAULT_STREAM_CAPACITY` unless told. */
  readonly capacity?: number;
  /** As above, in bytes on the wire; `DEFAULT_STREAM_BYTES` unless told. */
  readonly capacityBytes?: number;
  /**
   * For what this side receives; `backpressure` unless told. With any other the peer is never held back, and the policy
   * is applied here, to `capacity` items.
   */
  readonly overflow?: Overflow;
  /** For what this side sends; `backpressure` unless told. With any other `send` never waits. */
  readonly sendOverflow?: Overflow;
  /**
   * Items that may wait here for the peer's credit before `sendOverflow` is applied, where that is not `backpressure`;
   * `DEFAULT_STREAM_CAPACITY` unless told.
   */
  readonly sendCapacity?: number;
}

export interface StreamStatistics {
  /** Items received and not yet consumed. */
  readonly buffered: number;
  /** Items that may be sent before the peer has to grant more. */
  readonly credit: number;
  /** Items sent for which the peer has not granted room again: under way, or not consumed there; 0 without credit. */
  readonly inFlight: number;
  /** Tasks that wait for credit. */
  readonly waitingToSend: number;
  /** Items that wait for credit without a task; see `sendOverflow`. */
  readonly pending: number;
  readonly sent: number;
  readonly received: number;
  /** Items that this side has dropped: of those it was to send, and of those it had received. */
  readonly droppedSending: number;
  readonly droppedReceiving: number;
  /** How often a sender had to wait. */
  readonly waits: number;
}

/** With everything that was not told. @throws RangeError for what is out of range, naming it */
export function completeOptions(options: StreamOptions): Required<StreamOptions> {
  const complete = {
    capacity: options.capacity ?? DEFAULT_STREAM_CAPACITY,
    capacityBytes: options.capacityBytes ?? DEFAULT_STREAM_BYTES,
    overflow: options.overflow ?? "backpressure",
    sendOverflow: options.sendOverflow ?? "backpressure",
    sendCapacity: options.sendCapacity ?? DEFAULT_STREAM_CAPACITY,
  } as const;
  for (const name of ["capacity", "capacityBytes", "sendCapacity"] as const) {
    const value = complete[name];
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new RangeError(`${name} must be a whole number >= 1, got ${value}`);
    }
  }
  for (const name of ["overflow", "sendOverflow"] as const) {
    if (!OVERFLOWS.includes(complete[name])) {
      throw new RangeError(`${name} must be one of ${OVERFLOWS.join(", ")}, got ${String(complete[name])}`);
    }
  }
  return complete;
}
