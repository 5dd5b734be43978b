import { encodeFragment } from "./encode.ts";
import type { Fragment } from "./fragment.ts";
import { fieldSize, writeString } from "./wire.ts";

/**
 * An empty runtime layer for each name: Envoy does not finish its start before every RTDS layer of its bootstrap has
 * been delivered, and this server has nothing to put into one.
 */
export function emptyRuntime(names: Iterable<string>): ReadonlyMap<string, Fragment> {
  const layers = new Map<string, Fragment>();
  for (const name of names) {
    const length = Buffer.byteLength(name);
    const value = Buffer.allocUnsafe(fieldSize(length));
    writeString(value, 0, 1, name, length);
    layers.set(name, encodeFragment("runtime", name, "empty", value, []));
  }
  return layers;
}
