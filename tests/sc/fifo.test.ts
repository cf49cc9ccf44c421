import fc from "fast-check";
import { Fifo } from "../../core/sc/fifo.ts";
import { expect, it } from "../support/it.ts";

it("a Fifo is an array that is pushed to and shifted from", () => {
  const step = fc.oneof(fc.record({ push: fc.integer() }), fc.constantFrom("shift", "clear"));
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const fifo = new Fifo<number>();
      const model: number[] = [];
      for (const it of steps) {
        if (it === "clear") {
          fifo.clear();
          model.length = 0;
        } else if (it !== "shift") {
          fifo.push(it.push);
          model.push(it.push);
        } else if (model.length > 0) expect(fifo.shift()).toBe(model.shift());
        expect([fifo.size, fifo.peek()]).toEqual([model.length, model[0]]);
      }
    }),
  );
});
