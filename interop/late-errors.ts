/** Errors for which there is no subscriber any more. RxJS drops them without a word. */
import { config } from "rxjs";
import { reportWarning } from "../core/mod.ts";

/** Report an error that came when nobody was subscribed any more. */
export function reportLateError(what: string, error: unknown): void {
  reportWarning({
    type: "LateObservableError",
    message: `${what} failed when nobody was subscribed to it any more: ${String(error)}`,
    error,
  });
}

/**
 * Report every error that any observable of this process sends to a subscriber that has ended or left, as a warning of
 * type `LateObservableError`. Where operators stand between, only RxJS itself can see them; so this sets
 * `config.onStoppedNotification` of RxJS, once for the whole process. What was set there before is called as well.
 *
 * @returns ends that
 */
export function reportLateErrors(): () => void {
  const before = config.onStoppedNotification;
  const report: typeof before = (notification, subscriber) => {
    if (notification.kind === "E") reportLateError("an observable", notification.error);
    before?.(notification, subscriber);
  };
  config.onStoppedNotification = report;
  return () => {
    if (config.onStoppedNotification === report) config.onStoppedNotification = before;
  };
}
