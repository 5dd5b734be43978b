/**
 * `node:fs` for what the supervisor loads. Importing `node:fs` by name also loads its promise half, which costs 1 MB;
 * asking for the built-in module does not.
 */
export const files = process.getBuiltinModule("node:fs");
