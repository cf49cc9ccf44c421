/** The pages of the documentation, and the programs that they quote. */
import { readdirSync, readFileSync } from "node:fs";

export const root = new URL("../../", import.meta.url);

export const read = (path: string) => readFileSync(new URL(path, root), "utf8");

export const pages = [
  "README.md",
  ...readdirSync(new URL("docs/", root), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".md"))
    .map((path) => `docs/${path}`)
    .sort(),
];

/** A program of which a page says what it prints. */
export interface Printing {
  readonly page: string;
  readonly path: string;
  readonly output: string;
}

export const printing: readonly Printing[] = pages.flatMap((page) =>
  [...read(page).matchAll(/<!-- (\S+) -->\n```ts\n(?:(?!```)[\s\S])*```\n\nprints\n\n```text\n([\s\S]*?)```/g)].map(
    ([, path = "", output = ""]) => ({ page, path, output }),
  ),
);
