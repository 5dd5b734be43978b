import { TYPE_URL } from "@skein/envoy-api";
import type { XdsType } from "./fragment.ts";

const TYPES: ReadonlyMap<string, XdsType> = new Map([
  [TYPE_URL.cluster, "cluster"],
  [TYPE_URL.endpoint, "endpoint"],
  [TYPE_URL.listener, "listener"],
  [TYPE_URL.route, "route"],
  [TYPE_URL.secret, "secret"],
  [TYPE_URL.runtime, "runtime"],
]);

/** The `type_url` of a resource type on the wire. */
export function typeUrlOf(type: XdsType): string {
  return TYPE_URL[type];
}

/** The resource type of a `type_url`; undefined for a type that this server does not know. */
export function typeOfUrl(url: string): XdsType | undefined {
  return TYPES.get(url);
}
