import { duration, type Violation } from "@skein/model";
import * as z from "zod";
import { atLeastOne, nonNegativeDuration, positiveDuration } from "../engine/checks.ts";
import { type ConfContext, policyKind } from "../engine/policy-kind.ts";
import type { MeshTimeoutConf } from "./conf.ts";

const conf: z.ZodType<MeshTimeoutConf> = z.object({
  connectionTimeout: duration().optional(),
  idleTimeout: duration().optional(),
  http: z
    .object({
      requestTimeout: duration().optional(),
      streamIdleTimeout: duration().optional(),
      maxStreamDuration: duration().optional(),
      maxConnectionDuration: duration().optional(),
      requestHeadersTimeout: duration().optional(),
    })
    .optional(),
});

const HTTP_FIELDS = [
  "requestTimeout",
  "streamIdleTimeout",
  "maxStreamDuration",
  "maxConnectionDuration",
] as const;

/** MeshTimeout as a resource. */
export const meshTimeoutKind = policyKind<MeshTimeoutConf>({
  type: "MeshTimeout",
  path: "meshtimeouts",
  shortName: "mt",
  cli: { singular: "meshtimeout", plural: "meshtimeouts" },
  displayName: { singular: "Mesh Timeout", plural: "Mesh Timeouts" },
  description: "How long to wait for connections, requests and idle streams.",
  conf,
  topKinds: [
    "Mesh",
    "Dataplane",
    "MeshSubset",
    "MeshService",
    "MeshServiceSubset",
    "MeshGateway",
    "MeshHTTPRoute",
  ],
  toKinds: ["Mesh", "MeshService", "MeshExternalService", "MeshMultiZoneService", "MeshHTTPRoute"],
  toKindsOfGateway: ["Mesh", "MeshExternalService"],
  fromKinds: ["Mesh"],
  rules: { matches: true, excludesTo: true },
  needsBlock: true,
  deprecatedFrom: "use 'rules' instead",
  validateConf,
});

function validateConf(value: MeshTimeoutConf, path: string, context: ConfContext): readonly Violation[] {
  const { http } = value;
  const violations = [
    ...(value.connectionTimeout === undefined && value.idleTimeout === undefined && http === undefined
      ? [{ field: path, reason: "at least one timeout should be configured" }]
      : []),
    ...positiveDuration(value.connectionTimeout, `${path}.connectionTimeout`),
    ...nonNegativeDuration(value.idleTimeout, `${path}.idleTimeout`),
    ...(http === undefined ? [] : atLeastOne(http, HTTP_FIELDS, `${path}.http`)),
    ...[...HTTP_FIELDS, "requestHeadersTimeout" as const].flatMap((name) =>
      nonNegativeDuration(http?.[name], `${path}.http.${name}`),
    ),
  ];
  const forbid = (names: readonly string[], reason: string): void => {
    for (const name of names) {
      const [outer = "", inner] = name.split(".");
      const at: unknown = inner === undefined ? Reflect.get(value, outer) : http && Reflect.get(http, inner);
      if (at !== undefined) violations.push({ field: `${path}.${name}`, reason });
    }
  };
  if (context.bySpiffeId) {
    forbid(
      [
        "connectionTimeout",
        "idleTimeout",
        "http.maxStreamDuration",
        "http.maxConnectionDuration",
        "http.requestHeadersTimeout",
      ],
      "can't be specified when matches contain spiffeID: it belongs to the connection, not to the caller",
    );
  }
  if (context.topKind === "MeshHTTPRoute") {
    forbid(
      ["connectionTimeout", "idleTimeout", "http.maxStreamDuration", "http.maxConnectionDuration"],
      "can't be specified when top-level TargetRef is referencing MeshHTTPRoute",
    );
  }
  return violations;
}
