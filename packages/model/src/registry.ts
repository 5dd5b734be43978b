import type { KindDefinition } from "./kind.ts";
import { dataplaneKind } from "./kinds/dataplane.ts";
import { dataplaneInsightKind } from "./kinds/dataplane-insight.ts";
import { globalSecretKind } from "./kinds/global-secret.ts";
import { hostnameGeneratorKind } from "./kinds/hostname-generator.ts";
import { meshKind } from "./kinds/mesh.ts";
import { meshExternalServiceKind } from "./kinds/mesh-external-service.ts";
import { meshGatewayKind } from "./kinds/mesh-gateway.ts";
import { meshIdentityKind } from "./kinds/mesh-identity.ts";
import { meshInsightKind } from "./kinds/mesh-insight.ts";
import { meshMultiZoneServiceKind } from "./kinds/mesh-multi-zone-service.ts";
import { meshServiceKind } from "./kinds/mesh-service.ts";
import { meshTrustKind } from "./kinds/mesh-trust.ts";
import { secretKind } from "./kinds/secret.ts";
import { serviceInsightKind } from "./kinds/service-insight.ts";
import { workloadKind } from "./kinds/workload.ts";
import { zoneKind } from "./kinds/zone.ts";
import { zoneInsightKind } from "./kinds/zone-insight.ts";
import { suggest } from "./suggest.ts";

/** Every kind that is not a targetRef policy. */
export const coreKinds: readonly KindDefinition[] = [
  dataplaneKind,
  dataplaneInsightKind,
  globalSecretKind,
  hostnameGeneratorKind,
  meshKind,
  meshExternalServiceKind,
  meshGatewayKind,
  meshIdentityKind,
  meshInsightKind,
  meshMultiZoneServiceKind,
  meshServiceKind,
  meshTrustKind,
  secretKind,
  serviceInsightKind,
  workloadKind,
  zoneKind,
  zoneInsightKind,
];

/** The kinds that one program knows, by every name they have. */
export interface Registry {
  /** Sorted by type. */
  readonly kinds: readonly KindDefinition[];
  byType(type: string): KindDefinition | undefined;
  /** By the plural of the URL, alternative paths included. */
  byPath(path: string): KindDefinition | undefined;
  /** By the short name of a KRI. */
  byShortName(shortName: string): KindDefinition | undefined;
  /** By singular, plural or alias on the command line, in any case. */
  byCliName(name: string): KindDefinition | undefined;
  /** The type that a misspelt one probably means. */
  suggestType(type: string): string | undefined;
}

/** Indexes kinds by their names; two kinds that share a name are a bug and throw. */
export function createRegistry(kinds: readonly KindDefinition[]): Registry {
  const sorted = kinds.toSorted((a, b) => (a.type < b.type ? -1 : 1));
  const types = index(sorted, "type", (kind) => [kind.type]);
  const paths = index(sorted, "path", (kind) => [kind.path, ...(kind.alternativePaths ?? [])]);
  const shortNames = index(sorted, "short name", (kind) =>
    kind.shortName === undefined ? [] : [kind.shortName],
  );
  const cliNames = index(sorted, "command line name", ({ cli }) => [
    cli.singular,
    cli.plural,
    ...(cli.aliases ?? []),
  ]);
  return {
    kinds: sorted,
    byType: (type) => types.get(type),
    byPath: (path) => paths.get(path),
    byShortName: (shortName) => shortNames.get(shortName),
    byCliName: (name) => cliNames.get(name.toLowerCase()),
    suggestType: (type) => suggest(type, types.keys()),
  };
}

function index(
  kinds: readonly KindDefinition[],
  what: string,
  namesOf: (kind: KindDefinition) => readonly string[],
): ReadonlyMap<string, KindDefinition> {
  const map = new Map<string, KindDefinition>();
  for (const kind of kinds) {
    for (const name of namesOf(kind)) {
      const other = map.get(name);
      if (other !== undefined && other !== kind) {
        throw new Error(`${other.type} and ${kind.type} share the ${what} ${name}`);
      }
      map.set(name, kind);
    }
  }
  return map;
}
