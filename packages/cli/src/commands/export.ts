import { type ApiClient, apiPath } from "../client/api-client.ts";
import { usageError } from "../exit.ts";
import {
  type ExportRequest,
  exportFormats,
  exportProfiles,
  type KindListing,
  selectKinds,
} from "../export/profile.ts";
import { prepareForGlobal, removeLabel, stripServerFields } from "../export/rewrite.ts";
import { toYaml } from "../output/format.ts";
import { isObject, type JsonObject, listAt, textAt, valueAt } from "../read.ts";
import type { Session } from "../session.ts";
import { didYouMean } from "../suggest.ts";

export interface ExportOptions {
  readonly profile: string;
  readonly format: string;
  readonly includeAdmin?: boolean;
  readonly systemNamespace: string;
}

const originLabel = "kuma.io/origin";
const neverExported: ReadonlySet<string> = new Set(["envoy-admin-ca", "inter-cp-ca"]);
const userTokenKey = "user-token-signing-key";

/** `export`: the control plane's resources as documents that `apply` takes, to stdout. */
export async function exportResources(session: Session, options: ExportOptions): Promise<void> {
  const request = parseRequest(options);
  const client = await session.client();
  const [index, resources, meshes] = await Promise.all([
    client.get("/"),
    client.get("/_resources"),
    client.all("/meshes"),
  ]);
  session.io.out(
    `# Product: ${textAt(index, "product")}, Version: ${textAt(index, "version")}, Hostname: ${textAt(index, "hostname")}, ClusterId: ${textAt(index, "clusterId")}, InstanceId: ${textAt(index, "instanceId")}\n`,
  );
  const kinds = selectKinds(listAt(resources, "resources"), request);
  const meshNames = meshes.map((mesh) => textAt(mesh, "name"));
  const found: { kind: KindListing; resource: JsonObject }[] = [];
  for (const kind of kinds) {
    const pages =
      kind.scope === "Mesh"
        ? await inOrder(meshNames, (mesh) => listOf(client, kind, mesh))
        : [await listOf(client, kind, "")];
    for (const resource of pages.flat()) found.push({ kind, resource });
  }
  const isLast = ({ kind, resource }: (typeof found)[number]): boolean =>
    kind.name === "GlobalSecret" && textAt(resource, "name").startsWith(userTokenKey);
  for (const entry of [...found.filter((one) => !isLast(one)), ...found.filter(isLast)]) {
    if (entry.kind.name === "GlobalSecret" && neverExported.has(textAt(entry.resource, "name"))) continue;
    const document = await documentOf(client, entry.kind, entry.resource, request);
    if (document !== undefined) session.io.out(`---\n${await toYaml(document)}`);
  }
}

async function documentOf(
  client: ApiClient,
  kind: KindListing,
  resource: JsonObject,
  request: ExportRequest,
): Promise<JsonObject | undefined> {
  const forGlobal = request.isMigration ? prepareForGlobal(kind.name, resource) : resource;
  if (request.format === "universal")
    return request.isMigration ? removeLabel(forGlobal, originLabel) : forGlobal;
  const path = apiPath(
    ...(kind.scope === "Mesh" ? ["meshes", textAt(resource, "mesh")] : []),
    kind.path,
    textAt(resource, "name"),
  );
  const object = stripServerFields(await client.get(path, { format: "k8s" }));
  const namespace = textAt(object, "metadata", "namespace");
  if (request.profile !== "all" && namespace !== "" && namespace !== request.systemNamespace)
    return undefined;
  const clean = request.isMigration ? removeLabel(object, originLabel) : object;
  if (!request.isMigration || kind.name !== "Mesh") return clean;
  return { ...clean, spec: flatSpec(forGlobal) };
}

/** A flat kind's own fields, which Kubernetes keeps under `spec`. */
function flatSpec(resource: JsonObject): JsonObject {
  const meta = new Set(["type", "mesh", "name", "creationTime", "modificationTime", "labels", "kri"]);
  return Object.fromEntries(Object.entries(resource).filter(([key]) => !meta.has(key)));
}

async function listOf(client: ApiClient, kind: KindListing, mesh: string): Promise<readonly JsonObject[]> {
  const path = kind.scope === "Mesh" ? apiPath("meshes", mesh, kind.path) : apiPath(kind.path);
  return (await client.all(path)).filter(isObject).filter((item) => valueAt(item, "name") !== undefined);
}

async function inOrder<T, R>(items: readonly T[], task: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await task(item));
  return results;
}

function parseRequest({ profile, format, includeAdmin, systemNamespace }: ExportOptions): ExportRequest {
  const knownProfile = exportProfiles.find((candidate) => candidate === profile);
  if (knownProfile === undefined) {
    throw usageError(
      `unknown profile "${profile}": it must be one of ${exportProfiles.join(", ")}${didYouMean(profile, exportProfiles)}`,
    );
  }
  const knownFormat = exportFormats.find((candidate) => candidate === format);
  if (knownFormat === undefined)
    throw usageError(`unknown format "${format}": it must be one of ${exportFormats.join(", ")}`);
  return {
    profile: knownProfile,
    format: knownFormat,
    includeAdmin: includeAdmin === true,
    systemNamespace,
    isMigration: knownProfile === "federation" || knownProfile === "federation-with-policies",
  };
}
