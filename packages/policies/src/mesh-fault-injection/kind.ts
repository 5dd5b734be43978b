import { duration, intOrString, type Violation, validatePercent } from "@skein/model";
import * as z from "zod";
import { nonNegativeDuration } from "../engine/checks.ts";
import { gatewayScopeViolations } from "../engine/gateway-scope.ts";
import { policyKind } from "../engine/policy-kind.ts";
import { limitKbps } from "./bandwidth.ts";
import type { Fault, MeshFaultInjectionConf } from "./conf.ts";

const percentage = intOrString();

const conf: z.ZodType<MeshFaultInjectionConf> = z.object({
  http: z
    .array(
      z.object({
        abort: z.object({ httpStatus: z.int(), percentage }).optional(),
        delay: z.object({ value: duration(), percentage }).optional(),
        responseBandwidth: z.object({ limit: z.string(), percentage }).optional(),
      }),
    )
    .optional(),
});

/** MeshFaultInjection as a resource. */
export const meshFaultInjectionKind = policyKind<MeshFaultInjectionConf>({
  type: "MeshFaultInjection",
  path: "meshfaultinjections",
  shortName: "mfi",
  cli: { singular: "meshfaultinjection", plural: "meshfaultinjections" },
  displayName: { singular: "Mesh Fault Injection", plural: "Mesh Fault Injections" },
  description: "Failures, delays and slow answers for some of the requests, to see how callers cope.",
  conf,
  topKinds: ["Mesh", "Dataplane", "MeshSubset", "MeshService", "MeshServiceSubset", "MeshGateway"],
  toKinds: ["Mesh"],
  fromKinds: ["Mesh", "MeshSubset", "MeshService", "MeshServiceSubset"],
  rules: { matches: true, excludesTo: false },
  needsBlock: false,
  deprecatedFrom: "use 'rules' with SPIFFE ids of a MeshIdentity instead",
  validateConf: ({ http }, path) =>
    (http ?? []).flatMap((fault, i) => faultViolations(fault, `${path}.http[${i}]`)),
  validateSpec: (spec) => gatewayScopeViolations(spec, ["from"]),
});

function faultViolations(fault: Fault, path: string): readonly Violation[] {
  return [
    ...(fault.abort === undefined
      ? []
      : statusViolations(fault.abort.httpStatus, `${path}.abort.httpStatus`)),
    ...validatePercent(fault.abort?.percentage, `${path}.abort.percentage`),
    ...nonNegativeDuration(fault.delay?.value, `${path}.delay.value`),
    ...validatePercent(fault.delay?.percentage, `${path}.delay.percentage`),
    ...(fault.responseBandwidth === undefined
      ? []
      : limitViolations(fault.responseBandwidth.limit, `${path}.responseBandwidth.limit`)),
    ...validatePercent(fault.responseBandwidth?.percentage, `${path}.responseBandwidth.percentage`),
  ];
}

/** Envoy answers with nothing below 200. */
function statusViolations(status: number, field: string): readonly Violation[] {
  return status >= 200 && status <= 599 ? [] : [{ field, reason: "must be in inclusive range [200, 599]" }];
}

function limitViolations(limit: string, field: string): readonly Violation[] {
  if (limit === "") return [{ field, reason: "must be defined" }];
  const kbps = limitKbps(limit);
  if (kbps === undefined) return [{ field, reason: "must be in kbps/Mbps/Gbps units, such as 50kbps" }];
  return kbps > 0n ? [] : [{ field, reason: "must be greater than 0" }];
}
