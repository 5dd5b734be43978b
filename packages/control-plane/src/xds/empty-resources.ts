import { encodeFragment } from "./encode.ts";
import type { Fragment, XdsType } from "./fragment.ts";
import { fieldSize, writeString } from "./wire.ts";

const VERSION = "empty";

/**
 * An empty runtime layer for each name: Envoy does not finish its start before every RTDS layer of its bootstrap has
 * been delivered, and this server has nothing to put into one.
 */
export function emptyRuntime(names: Iterable<string>): ReadonlyMap<string, Fragment> {
  return new Map([...names].map((name) => [name, named("runtime", name)]));
}

/**
 * An assignment without endpoints, which ends the warm-up of a cluster whose endpoints do not exist (any more). Only for
 * state-of-the-world, where it cannot be told that a name does not exist.
 */
export function emptyAssignment(name: string): Fragment {
  return named("endpoint", name);
}

/** A message whose only field is its name, number 1, as in `Runtime` and `ClusterLoadAssignment`. */
function named(type: XdsType, name: string): Fragment {
  const length = Buffer.byteLength(name);
  const value = Buffer.allocUnsafe(fieldSize(length));
  writeString(value, 0, 1, name, length);
  return encodeFragment(type, name, VERSION, value, []);
}
