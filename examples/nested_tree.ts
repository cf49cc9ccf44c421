/** A tree of processes, each of which starts its own children: `node --import tsx examples/nested_tree.ts`. */
import type { Operation } from "effection";
import { all, currentActor, openActorNursery, openRootActor, type Portal, runMain } from "espalier";

interface Branch {
  readonly name: string;
  readonly children: Branch[];
}

export function* grow({ depth }: { depth: number }): Operation<Branch> {
  const { name } = yield* currentActor();
  if (depth === 0) return { name, children: [] };
  return yield* openActorNursery(function* (an) {
    const start = (twig: string) => an.startActor(`${name}.${twig}`, { enableModules: [import.meta.url] });
    const portals: Portal[] = yield* all([start("a"), start("b")]);
    const children: Branch[] = yield* all(portals.map((portal) => portal.run(grow, { depth: depth - 1 })));
    an.cancelScope.cancel("the tree has grown"); // and its processes have gone before the block is left
    return { name, children };
  });
}

function draw({ name, children }: Branch, indent = ""): void {
  console.log(indent + name);
  for (const child of children) draw(child, `${indent}  `);
}

runMain(import.meta, function* () {
  draw(yield* openRootActor(() => grow({ depth: 2 }), { name: "tree" }));
});
