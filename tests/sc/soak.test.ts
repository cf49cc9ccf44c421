/** What is over is gone: after many tasks the heap is what it was after few. */
import type { Operation } from "effection";
import { rootTasks } from "../../core/sc/bridge.ts";
import {
  Event,
  moveOnAfter,
  openMemoryChannel,
  openNursery,
  run,
  sleepForever,
  VirtualClock,
} from "../../core/sc/mod.ts";
import { collectGarbage } from "../support/garbage.ts";
import { expect, it } from "../support/it.ts";

const TASKS_PER_WAVE = 1_000;
const WAVES = 300;
/** By then the code is compiled and what is allocated once is there. */
const WARM_UP_WAVES = 30;
/** A task that waits takes about 1 KB: were one in fifty kept, this would be exceeded. */
const MAX_BYTES_PER_TASK = 20;

/** Half of the tasks hand items to each other, a quarter is cancelled with clean-up, a quarter ends by its deadline. */
function* wave(): Operation<void> {
  const never = new Event();
  yield* openNursery(function* (n) {
    for (let i = 0; i < TASKS_PER_WAVE / 4; i++) {
      const [tx, rx] = openMemoryChannel<number>(i % 2);
      n.startSoon(() => tx.send(i));
      n.startSoon(() => rx.receive());
      n.startSoon(() => moveOnAfter(1, () => never.wait()));
    }
    yield* openNursery(function* (cancelled) {
      for (let i = 0; i < TASKS_PER_WAVE / 4; i++) cancelled.startSoon(withCleanUp);
      cancelled.startSoon(function* () {
        cancelled.cancelScope.cancel("the wave is over");
      });
    });
  });
  expect(never.statistics().tasksWaiting).toBe(0);
}

let cleanedUp = 0;
function* withCleanUp(): Operation<void> {
  try {
    yield* sleepForever();
  } finally {
    cleanedUp++;
  }
}

it("the heap after 300,000 tasks is what it was after 30,000", async () => {
  const clock = new VirtualClock({ autojump: true });
  const bytesAfter: number[] = [];
  await run(
    function* () {
      for (let i = 1; i <= WAVES; i++) {
        yield* wave();
        if (i === WARM_UP_WAVES || i === WAVES) {
          bytesAfter.push(collectGarbage());
        }
      }
    },
    { clock },
  );
  const [few = 0, many = 0] = bytesAfter;
  expect(cleanedUp).toBe((WAVES * TASKS_PER_WAVE) / 4);
  expect(many - few).toBeLessThan((WAVES - WARM_UP_WAVES) * TASKS_PER_WAVE * MAX_BYTES_PER_TASK);
  expect(clock.nextTimer).toBe(Number.POSITIVE_INFINITY);
  expect(rootTasks().size).toBe(0);
}, 60_000);
