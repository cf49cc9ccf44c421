/** The legacy feed as an actor offers it: one line for each observable, and how far it may run ahead of its consumer. */
import { observable } from "espalier/interop";
import { finalize, tap } from "rxjs";
import { ticks$ } from "./legacy-feed.ts";

let subscribed = 0;
let sent = 0;

export const ticks = observable({ capacity: 1_000, overflow: "error" }, ({ symbol }: { symbol: string }) => {
  subscribed++;
  return ticks$(symbol).pipe(
    tap(() => sent++),
    finalize(() => subscribed--),
  );
});

export function* status() {
  return { subscribed, hasSent: sent > 0 };
}
