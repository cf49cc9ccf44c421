/** Bounds of the helpers, each with its reason. */

/** Nesting of a key's arrays and objects: a key is written down by a function that calls itself. */
export const MAX_KEY_DEPTH = 16;

/** Characters of a key, a command or an item that an error shows: what it was, not all that it was. */
export const MAX_SHOWN_CHARS = 200;
