import { afterEach, beforeEach, vi } from "vitest";
import { realClock, wallTime, weakTimer } from "../../core/sc/clock.ts";
import { describe, expect, it } from "../support/it.ts";

describe("realClock", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("calls once, at the time and not before, and not if it was disarmed", () => {
    const log: string[] = [];
    realClock.at(realClock.now() + 10, () => log.push("fired"));
    realClock.at(realClock.now() + 10, () => log.push("disarmed"))();
    vi.advanceTimersByTime(9);
    expect(log).toEqual([]);
    vi.advanceTimersByTime(1_000);
    expect(log).toEqual(["fired"]);
  });

  it("what is due already is called soon, and never at once", () => {
    const log: string[] = [];
    realClock.at(realClock.now() - 10, () => log.push("late"));
    realClock.at(Number.NEGATIVE_INFINITY, () => log.push("very late"));
    expect(log).toEqual([]);
    vi.advanceTimersByTime(0);
    expect(log).toEqual(["late", "very late"]);
  });

  it("waits for longer than a host timer can: a year", () => {
    const year = 365 * 24 * 3_600_000;
    let fired = 0;
    realClock.at(realClock.now() + year, () => {
      fired++;
    });
    vi.advanceTimersByTime(year - 1);
    expect(fired).toBe(0);
    vi.advanceTimersByTime(1);
    expect(fired).toBe(1);
  });

  it("looks again when the host has fired early", () => {
    const times = [100, 109.9, 109.9, 110];
    vi.spyOn(performance, "now").mockImplementation(() => times.shift() ?? 110);
    let fired = 0;
    realClock.at(110, () => {
      fired++;
    });
    vi.advanceTimersByTime(10);
    expect(fired).toBe(0);
    vi.advanceTimersByTime(1);
    expect(fired).toBe(1);
    vi.restoreAllMocks();
  });

  it("never comes to Infinity, and keeps no timer for it", () => {
    realClock.at(Number.POSITIVE_INFINITY, () => {})();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("weakTimer calls in time", () => {
    let fired = 0;
    weakTimer(10, () => {
      fired++;
    });
    vi.advanceTimersByTime(10);
    expect(fired).toBe(1);
  });
});

describe("wallTime", () => {
  it("is the host's time of day", () => {
    vi.useFakeTimers({ toFake: ["Date"], now: 1_700_000_000_000 });
    expect(wallTime()).toBe(1_700_000_000_000);
    vi.useRealTimers();
  });
});
