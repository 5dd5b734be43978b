import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { MeshIdentityResource, MeshResource, Resource } from "@skein/model";
import { enabledMtlsBackend } from "@skein/model";
import type { UpstreamPlan } from "@skein/policies";
import { parse, parseAllDocuments, stringify } from "yaml";
import { ADMIN_SECRETS } from "../../envoy/admin.ts";
import { type IdentityStage, meshIdentityKri, mtlsIssuer } from "../../plan/identities.ts";
import { type NodeFacts, UNKNOWN_NODE } from "../../plan/node-facts.ts";
import type { ProxyConfig } from "../../xds/fragment.ts";
import { isFragments } from "../../xds/fragments.ts";
import { fragmentJson } from "../config-dump.ts";
import { type MeshWorld, World } from "../world.ts";
import { mapStrings, named, PEM, unnamed } from "./certificates.ts";
import { Documents, ZONE } from "./resources.ts";

const POLICIES = join(import.meta.dirname, "../../../../policies/src");
/** Cases of the planner, and of each policy in its own folder. */
const PLACES = [
  join(import.meta.dirname, "../golden"),
  ...globSync("*/golden", { cwd: POLICIES }).map((folder) => join(POLICIES, folder)),
];

/** What a case says beside its resources. All of it is optional. */
interface Facts {
  /** Another case whose `resources.yaml` it shares. */
  readonly resourcesOf?: string;
  /** By issuer; `enforced` where nothing is said. */
  readonly stages?: Readonly<Record<string, IdentityStage>>;
  /** What proxies said of themselves when they connected. */
  readonly nodes?: Readonly<Record<string, Partial<NodeFacts>>>;
}

/** The names of all cases. */
export function goldenCases(): readonly string[] {
  return [...goldenFolders.keys()].sort();
}

/** Where a case is. */
export function goldenFolder(name: string): string {
  const folder = goldenFolders.get(name);
  if (folder === undefined) throw new Error(`there is no golden case "${name}"`);
  return folder;
}

const goldenFolders: ReadonlyMap<string, string> = new Map(
  PLACES.flatMap((place) =>
    readdirSync(place, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => [name, join(place, name)] as const),
  ),
);

/** Plans and configurations of every dataplane of a case, as YAML. */
export function render(name: string): { readonly plan: string; readonly envoy: string } {
  const world = goldenWorld(name);
  const plans: Record<string, unknown> = {};
  const configs: Record<string, unknown> = {};
  for (const meshName of world.meshNames()) {
    const mesh = world.mesh(meshName);
    for (const dataplane of [...mesh.index.dataplaneNames()].sort()) {
      plans[dataplane] = mesh.planner.plan.at(dataplane).get();
      const config = mesh.config.at(dataplane).get();
      if (config !== undefined) configs[dataplane] = readable(config);
    }
  }
  return { plan: yaml(plans), envoy: yaml(configs) };
}

/** YAML of plain data: no anchors, no folded lines, nothing that depends on the machine. */
function yaml(value: unknown): string {
  // What ways have in common says nothing that they do not say themselves.
  const text = JSON.stringify(value, (key, each: unknown) =>
    key === "core" || key === "said" ? undefined : each,
  );
  return stringify(JSON.parse(text), { aliasDuplicateObjects: false, lineWidth: 0 });
}

/** The world of a case. */
export function goldenWorld(name: string): World {
  return goldenScene(name).world;
}

/** The world of a case, and the resources that it was made from. */
export function goldenScene(name: string): {
  readonly world: World;
  readonly resources: readonly Resource[];
} {
  const directory = goldenFolder(name);
  const factsFile = join(directory, "facts.yaml");
  const facts: Facts = existsSync(factsFile) ? parse(readFileSync(factsFile, "utf8")) : {};
  const world = new World({ zone: ZONE });
  const documents = new Documents();
  documents.put(world, ...readDocuments(join(goldenFolder(facts.resourcesOf ?? name), "resources.yaml")));
  world.setAdminAuthority(PEM["ca.pem"]);
  for (const mesh of world.meshNames()) setFacts(world.mesh(mesh), facts, documents);
  return { world, resources: documents.all };
}

function readDocuments(file: string): readonly unknown[] {
  return parseAllDocuments(readFileSync(file, "utf8")).map((document) =>
    mapStrings(document.toJS(), unnamed),
  );
}

/** What the identity controller and the connections of a running control plane would set. */
function setFacts(mesh: MeshWorld, facts: Facts, documents: Documents): void {
  const stageOf = (issuer: string): IdentityStage => facts.stages?.[issuer] ?? "enforced";
  for (const resource of documents.all) {
    if (resource.type === "MeshIdentity" && resource.mesh === mesh.name) {
      const issuer = meshIdentityKri(resource as MeshIdentityResource);
      mesh.stage.set(issuer, stageOf(issuer));
    }
    if (resource.type !== "Mesh" || resource.name !== mesh.name) continue;
    const backend = enabledMtlsBackend((resource as MeshResource).spec);
    if (backend === undefined) continue;
    const issuer = mtlsIssuer(mesh.name, backend.name ?? "");
    mesh.stage.set(issuer, stageOf(issuer));
    mesh.mtlsRoots.set([PEM["ca.pem"]]);
  }
  const issued = { certificatePem: PEM["leaf.pem"], privateKeyPem: PEM["leaf-key.pem"] };
  for (const [dataplane, node] of Object.entries(facts.nodes ?? {})) {
    mesh.node.set(dataplane, { ...UNKNOWN_NODE, ...node });
    mesh.certificate.set(dataplane, ADMIN_SECRETS.certificate, issued);
  }
  for (const dataplane of mesh.index.dataplaneNames()) {
    for (const { secrets } of mesh.planner.identity.at(dataplane).get().certificates) {
      for (const secret of secrets) mesh.certificate.set(dataplane, secret, issued);
    }
  }
}

/** A configuration as JSON, resource by resource, with names in place of the test certificates. */
function readable(config: ProxyConfig): unknown {
  const lists: Record<string, unknown> = {};
  for (const [type, resources] of Object.entries(config)) {
    if (isFragments(resources)) lists[type] = [...resources.values()].map(fragmentJson);
    else lists[type] = resources;
  }
  return typesFirst(
    mapStrings(lists, (text, key) =>
      key === "inlineBytes" ? named(Buffer.from(text, "base64").toString()) : text,
    ),
  );
}

/** Puts the type of what was packed before its fields, where a reader looks for it. */
function typesFirst(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(typesFirst);
  if (typeof value !== "object" || value === null) return value;
  const { "@type": type, ...rest } = value as Record<string, unknown>;
  const entries = Object.entries(rest).map(([key, inner]) => [key, typesFirst(inner)]);
  return Object.fromEntries(type === undefined ? entries : [["@type", type], ...entries]);
}

/** Every way to a destination of all cases, with the name of its case. */
export function goldenWays(): readonly { readonly name: string; readonly upstream: UpstreamPlan }[] {
  return goldenCases().flatMap((name) => {
    const world = goldenWorld(name);
    return world.meshNames().flatMap((meshName) => {
      const { index, planner } = world.mesh(meshName);
      return index.dataplaneNames().flatMap((dataplane) => {
        const plan = planner.plan.at(dataplane).get();
        return [...(plan?.outbounds ?? []), ...(plan?.backends ?? [])].map(({ upstream }) => ({
          name,
          upstream,
        }));
      });
    });
  });
}
