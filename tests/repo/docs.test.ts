/** Documentation is true: a snippet under `<!-- path -->` is that file, and that file runs. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { runProgram } from "../support/program.ts";

const root = new URL("../../", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), "utf8");
const pages = [
  "README.md",
  ...readdirSync(new URL("docs/", root), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".md"))
    .map((path) => `docs/${path}`),
];

const quoted = pages.flatMap((page) =>
  [...read(page).matchAll(/<!-- (\S+) -->\n```ts\n([\s\S]*?)```/g)].map(([, path = "", code = ""]) => ({
    page,
    path,
    code,
  })),
);

describe("documentation", () => {
  it("quotes a whole program in the README", () => {
    expect(quoted.map(({ page, path }) => `${page} ${path}`)).toContain("README.md examples/primes.ts");
  });

  it.each(quoted)("$page quotes $path as it is", ({ path, code }) => {
    expect(code).toBe(read(path));
  });

  const printing = pages.flatMap((page) =>
    [...read(page).matchAll(/<!-- (\S+) -->\n```ts\n[\s\S]*?```\n\nprints\n\n```text\n([\s\S]*?)```/g)].map(
      ([, path = "", output = ""]) => ({ page, path, output }),
    ),
  );

  it.each(printing)("$path prints what $page says", async ({ path, output }) => {
    expect(await runProgram(path)).toMatchObject({ code: 0, stderr: "", stdout: output });
  });

  it("links to files that are there", () => {
    for (const page of pages) {
      for (const [, target = ""] of read(page).matchAll(/\]\((?!https?:)([^)#]+)/g)) {
        const url = new URL(target, new URL(page, root));
        expect(existsSync(url), `${page} links to ${target}`).toBe(true);
      }
    }
  });

  it("names every limit of the code on the limits page", () => {
    const page = read("docs/limits.md");
    for (const file of ["core/actor/limits.ts", "core/rpc/limits.ts", "core/ipc/limits.ts"]) {
      for (const [, name = ""] of read(file).matchAll(/export const (\w+) = [\d_]+/g)) expect(page).toContain(name);
    }
  });
});
