import { type LogRecord, openRootActor, run } from "espalier";
import { expect, it, vi } from "vitest";
import { defaultLog } from "../../core/promise/task-log.ts";

function logAll(): void {
  const log = defaultLog("fetchPage");
  log.debug("debug");
  log.info("info", { url: "/" });
  log.warn("warn", 1, 2);
  log.error("error", new TypeError("bad"));
}

it("the log of a promise task is that of its actor", async () => {
  const records: LogRecord[] = [];
  await run(() =>
    openRootActor(
      function* () {
        logAll();
      },
      { logLevel: "info", logTo: (record) => void records.push(record) },
    ),
  );
  expect(records).toMatchObject([
    { level: "info", message: "info", task: "fetchPage", fields: { url: "/" } },
    { level: "warn", message: "warn", task: "fetchPage", fields: { data: [1, 2] } },
    { level: "error", message: "error", task: "fetchPage", fields: { error: { name: "TypeError", message: "bad" } } },
  ]);
});

it("outside of an actor its warnings and errors are those of the console", () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  const error = vi.spyOn(console, "error").mockImplementation(() => {});
  try {
    logAll();
    expect(warn.mock.calls).toEqual([["[fetchPage] warn", 1, 2]]);
    expect(error.mock.calls).toEqual([["[fetchPage] error", expect.any(TypeError)]]);
  } finally {
    warn.mockRestore();
    error.mockRestore();
  }
});
