import { coreKinds } from "@skein/model";
import { policyKinds } from "@skein/policies/kinds";
import { worldOf } from "../../explain/testing/airline.ts";
import { analyze } from "../analyze.ts";
import type { Finding } from "../finding.ts";

/** What is found in the mesh `default` of some documents, some day in 2026. */
export function findingsIn(yaml: string, now: number = Date.UTC(2026, 5, 1)): readonly Finding[] {
  const { world, resources } = worldOf(yaml);
  return analyze({
    mesh: world.mesh("default"),
    resources,
    kinds: [...coreKinds, ...policyKinds],
    secret: ({ spec }) =>
      Buffer.from(String(Reflect.get(Object(spec), "data") ?? ""), "base64").toString("utf8"),
    now,
  });
}

/** The codes that are found, each once. */
export function codesIn(yaml: string, now?: number): readonly string[] {
  return [...new Set(findingsIn(yaml, now).map(({ code }) => code))];
}
