import type { Origin, PatchProblem } from "@skein/policies";
import type { Held } from "./subscription.ts";

/** The resource types that a sidecar holds, by the short name used in this code base. */
export type XdsType = "cluster" | "endpoint" | "listener" | "route" | "secret" | "runtime";

/**
 * One Envoy resource, encoded once and shared by every proxy that should have it. Two fragments with equal type, name
 * and content are the same object, so identity tells whether a proxy needs an update.
 */
export interface Fragment {
  readonly type: XdsType;
  readonly name: string;
  /** Hash of the content, 16 hex digits; the version on the wire. */
  readonly version: string;
  /** Encoded `envoy.service.discovery.v3.Resource` (name, version, resource): what delta responses repeat. */
  readonly resource: Uint8Array;
  /** Encoded `google.protobuf.Any` inside `resource`: what state-of-the-world responses repeat. */
  readonly any: Uint8Array;
  /** KRIs of the policies that shaped it: whom to name when Envoy rejects it. */
  readonly origins: readonly string[];
  /** What those who read it found out, each once however many proxies have it. */
  readonly notes: FragmentNotes;
}

/** Which fragment it is, for those who must not keep its bytes. */
export type FragmentName = Pick<Fragment, "type" | "name">;

/** Kept with a fragment: weak maps of thousands of fragments that come and go together cost more than all that is in them. */
export interface FragmentNotes {
  /** For proxies that acknowledged it. */
  held: Held | undefined;
  name: FragmentName | undefined;
  /** Of a cluster, as of `edsNameOf`; `null` where it has none. */
  edsName: string | null | undefined;
}

/** What patches did to the resources of a proxy. */
export interface PatchReport {
  /** The modifications that found something to do. */
  readonly by: readonly Origin[];
  /** Those that could not be done, each with the resource that it left as it was. */
  readonly problems: readonly PatchProblem[];
}

/** All that one proxy should hold. Immutable; equal parts of two proxies are the same fragments. */
export interface ProxyConfig {
  readonly clusters: ReadonlyMap<string, Fragment>;
  readonly endpoints: ReadonlyMap<string, Fragment>;
  readonly listeners: ReadonlyMap<string, Fragment>;
  readonly routes: ReadonlyMap<string, Fragment>;
  readonly secrets: ReadonlyMap<string, Fragment>;
  /** Names of secrets that the rest refers to and that do not exist yet: without them it would not work. */
  readonly missing: readonly string[];
  /** What patches did to its resources; absent where no patch stands for the proxy. */
  readonly patched?: PatchReport;
}
