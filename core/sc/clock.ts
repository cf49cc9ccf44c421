/**
 * Time as a seam: every wait of ours asks a clock, so that tests can replace it. The only module that may call
 * `setTimeout`. A clock belongs to a task tree, not to the process: two trees may run on different ones.
 */
import { createContext } from "effection";

/** Undo of `Clock.at`; calling it after the time has come does nothing. */
export type Disarm = () => void;

export interface Clock {
  /** Milliseconds since some fixed moment; never goes backwards. */
  now(): number;
  /** Call `fn` once, not before `time`. `time` may be any number, `Infinity` included. */
  at(time: number, fn: () => void): Disarm;
  /** A task began, or ended, to wait for something that this clock cannot see: a promise, a socket, a process. */
  hostWait?(change: 1 | -1): void;
}

/** The longest delay a host timer takes (2^31 - 1 ms, about 25 days); longer ones fire at once, so they are chunked. */
const MAX_HOST_DELAY_MS = 2_147_483_647;

/** The host's monotonic time and its timers. Resolution is 1 ms: a timer fires up to 1 ms late, never early. */
export const realClock: Clock = {
  now: () => performance.now(),
  at(time, fn) {
    if (time === Number.POSITIVE_INFINITY) return () => {};
    let timer: NodeJS.Timeout;
    const arm = () => {
      const ms = Math.max(Math.ceil(time - performance.now()), 0);
      timer = setTimeout(look, Math.min(ms, MAX_HOST_DELAY_MS));
    };
    // The host rounds down, and so may fire a little early: look again.
    const look = () => (performance.now() < time ? arm() : fn());
    arm();
    return () => clearTimeout(timer);
  },
};

/** The clock for whatever runs below an Effection scope; our tasks inherit it when their tree is entered. */
export const ClockContext = createContext<Clock>("espalier.clock", realClock);

/** The host's time of day, in milliseconds since 1970: for records that people read, not for waits. */
export function wallTime(): number {
  return Date.now();
}

/** A host timer that does not keep the process alive, in milliseconds: for bounds on the process's own end. */
export function weakTimer(ms: number, fn: () => void): void {
  setTimeout(fn, ms).unref();
}
