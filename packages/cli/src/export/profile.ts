import { isObject, textAt, valueAt } from "../read.ts";

export const exportProfiles = ["federation", "federation-with-policies", "all", "no-dataplanes"] as const;
export const exportFormats = ["universal", "kubernetes"] as const;

/** What `export` was asked for. */
export interface ExportRequest {
  readonly profile: (typeof exportProfiles)[number];
  readonly format: (typeof exportFormats)[number];
  readonly includeAdmin: boolean;
  readonly systemNamespace: string;
  /** The result is meant for a new global control plane. */
  readonly isMigration: boolean;
}

/** One entry of `GET /_resources`. */
export interface KindListing {
  readonly name: string;
  readonly path: string;
  readonly scope: "Global" | "Mesh";
}

const adminKinds: ReadonlySet<string> = new Set(["Secret", "GlobalSecret"]);
const runtimeKinds: ReadonlySet<string> = new Set(["Dataplane"]);
/** What a control plane observes. Nobody can write it, so it is no document that `apply` takes. */
const observedKinds: ReadonlySet<string> = new Set([
  "DataplaneInsight",
  "MeshInsight",
  "ServiceInsight",
  "ZoneEgressInsight",
  "ZoneIngressInsight",
  "ZoneInsight",
]);
/** Needed first, needed before what refers to them, and dangerous before the rest is through. */
const places: Readonly<Record<string, number>> = { Mesh: 0, Secret: 1, GlobalSecret: 99 };

/** The kinds that a profile exports, in the order in which they can be applied. */
export function selectKinds(resources: readonly unknown[], request: ExportRequest): readonly KindListing[] {
  return resources
    .filter((resource) => isObject(resource) && isSelected(resource, request))
    .map(
      (resource): KindListing => ({
        name: textAt(resource, "name"),
        path: textAt(resource, "path"),
        scope: textAt(resource, "scope") === "Mesh" ? "Mesh" : "Global",
      }),
    )
    .sort((a, b) => (places[a.name] ?? 50) - (places[b.name] ?? 50));
}

function isSelected(resource: unknown, { profile, isMigration, includeAdmin }: ExportRequest): boolean {
  const name = textAt(resource, "name");
  if (observedKinds.has(name)) return false;
  if (isMigration && valueAt(resource, "includeInFederation") !== true) return false;
  if (profile === "federation" && valueAt(resource, "policy", "isTargetRef") === true) return false;
  if (profile === "federation" && name === "MeshGateway") return false;
  if (profile === "no-dataplanes" && runtimeKinds.has(name)) return false;
  return isMigration || includeAdmin || !adminKinds.has(name);
}
