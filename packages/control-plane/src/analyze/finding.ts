import type { ResourceKey } from "@skein/model";
import { CODES, type Code, type Severity } from "./codes.ts";

/** One thing about a mesh that somebody should look at. */
export interface Finding {
  readonly code: Code;
  readonly severity: Severity;
  readonly resource: ResourceKey;
  /** Where in the resource; `""` for all of it. */
  readonly path: string;
  readonly message: string;
  readonly fix: string;
}

/** A finding with what its code says. */
export function finding(
  code: Code,
  { type, mesh, name }: ResourceKey,
  path: string,
  message: string,
  severity: Severity = CODES[code].severity,
): Finding {
  return { code, severity, resource: { type, mesh, name }, path, message, fix: CODES[code].fix };
}

/** In the order of codes, then of resources. */
export function sorted(findings: readonly Finding[]): readonly Finding[] {
  const key = ({ code, resource, path }: Finding): string =>
    `${code} ${resource.type} ${resource.name} ${path}`;
  return findings.toSorted((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
}
