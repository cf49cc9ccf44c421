/** Files of this package that are started by their path, as processes and threads of their own. */

const EXTENSION = import.meta.url.endsWith(".ts") ? ".ts" : ".js";

/**
 * The URL of a module in `core`, where it is a file of its own also in the compiled package.
 *
 * @param path - from `core`, without its extension
 */
export function ownFile(path: string): URL {
  // The build puts this module into a file of the compiled `core` folder itself, whichever that is.
  return new URL(`./${path}${EXTENSION}`, import.meta.url);
}
