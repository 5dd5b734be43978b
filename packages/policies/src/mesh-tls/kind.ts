import type { Violation } from "@skein/model";
import * as z from "zod";
import { type ConfContext, policyKind } from "../engine/policy-kind.ts";
import type { MeshTlsConf, TlsVersion } from "./conf.ts";

const VERSIONS = ["TLSAuto", "TLS10", "TLS11", "TLS12", "TLS13"] as const;
const CIPHERS = [
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-RSA-CHACHA20-POLY1305",
] as const;

const conf: z.ZodType<MeshTlsConf> = z.object({
  mode: z.enum(["Strict", "Permissive"]).optional(),
  tlsVersion: z
    .object({ min: z.enum(VERSIONS).default("TLSAuto"), max: z.enum(VERSIONS).default("TLSAuto") })
    .optional(),
  tlsCiphers: z.array(z.enum(CIPHERS)).optional(),
});

/** MeshTLS as a resource. */
export const meshTlsKind = policyKind<MeshTlsConf>({
  type: "MeshTLS",
  path: "meshtlses",
  shortName: "mtls",
  cli: { singular: "meshtls", plural: "meshtlses" },
  displayName: { singular: "Mesh TLS", plural: "Mesh TLSes" },
  description: "Whether inbounds take plaintext, and the versions and ciphers of TLS between proxies.",
  conf,
  topKinds: ["Mesh", "Dataplane", "MeshSubset"],
  fromKinds: ["Mesh"],
  rules: { matches: false, excludesTo: false },
  needsBlock: false,
  deprecatedFrom: "use 'rules' instead",
  validateConf,
});

function validateConf(value: MeshTlsConf, path: string, { topKind }: ConfContext): readonly Violation[] {
  const violations: Violation[] = [];
  if (topKind !== "Mesh") {
    for (const name of ["tlsVersion", "tlsCiphers"] as const) {
      if (value[name] !== undefined) {
        violations.push({
          field: `${path}.${name}`,
          reason: "can be set only when spec.targetRef.kind is Mesh",
        });
      }
    }
  }
  const rank = (version: TlsVersion | undefined): number => VERSIONS.indexOf(version ?? "TLSAuto");
  const [min, max] = [rank(value.tlsVersion?.min), rank(value.tlsVersion?.max)];
  if (min > 0 && max > 0 && min > max) {
    violations.push({ field: `${path}.tlsVersion.min`, reason: "must not be greater than max" });
  }
  return violations;
}
