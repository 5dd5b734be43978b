import { isObject, listAt, objectAt, textAt } from "../read.ts";
import { ageOf } from "./age.ts";
import { renderTable } from "./table.ts";

interface Columns {
  readonly header: readonly string[];
  readonly row: (item: unknown, nowMs: number) => readonly string[];
}

const meshes: Columns = {
  header: ["NAME", "mTLS", "LOCALITY", "ZONEEGRESS", "AGE"],
  row: (item, nowMs) => [
    textAt(item, "name"),
    enabledBackend(item),
    textAt(item, "routing", "localityAwareLoadBalancing") === "true" ? "on" : "off",
    textAt(item, "routing", "zoneEgress") === "true" ? "on" : "off",
    ageOf(textAt(item, "modificationTime"), nowMs),
  ],
};

const addressed: Columns = {
  header: ["MESH", "NAME", "TAGS", "ADDRESS", "AGE"],
  row: (item, nowMs) => [
    textAt(item, "mesh"),
    textAt(item, "name"),
    tagsOf(item),
    textAt(item, "networking", "advertisedAddress") || textAt(item, "networking", "address"),
    ageOf(textAt(item, "modificationTime"), nowMs),
  ],
};

const ofMesh: Columns = {
  header: ["MESH", "NAME", "AGE"],
  row: (item, nowMs) => [
    textAt(item, "mesh"),
    textAt(item, "name"),
    ageOf(textAt(item, "modificationTime"), nowMs),
  ],
};

const global: Columns = {
  header: ["NAME", "AGE"],
  row: (item, nowMs) => [textAt(item, "name"), ageOf(textAt(item, "modificationTime"), nowMs)],
};

const special: Readonly<Record<string, Columns>> = {
  Mesh: meshes,
  Dataplane: addressed,
  ExternalService: addressed,
};

/** The table of `get` for resources of one kind. */
export function resourceTable(
  kind: { readonly type: string; readonly scope: "Global" | "Mesh" },
  items: readonly unknown[],
  nowMs: number,
): string {
  const columns = special[kind.type] ?? (kind.scope === "Mesh" ? ofMesh : global);
  return renderTable(
    columns.header,
    items.map((item) => columns.row(item, nowMs)),
  );
}

/** `key=v1,v2` of every inbound (or the gateway), sorted by key. */
export function tagsOf(dataplane: unknown): string {
  const carriers = [
    objectAt(dataplane, "networking", "gateway", "tags"),
    ...listAt(dataplane, "networking", "inbound").map((inbound) => objectAt(inbound, "tags")),
    objectAt(dataplane, "tags"),
  ];
  const values = new Map<string, Set<string>>();
  for (const tags of carriers) {
    for (const [key, value] of Object.entries(tags)) {
      values.set(key, (values.get(key) ?? new Set()).add(String(value)));
    }
  }
  return [...values.keys()]
    .sort()
    .map((key) => `${key}=${[...(values.get(key) ?? [])].sort().join(",")}`)
    .join(" ");
}

function enabledBackend(mesh: unknown): string {
  const name = textAt(mesh, "mtls", "enabledBackend");
  if (name === "") return "off";
  const backend = listAt(mesh, "mtls", "backends").find(
    (candidate) => isObject(candidate) && candidate.name === name,
  );
  return `${textAt(backend, "type")}/${name}`;
}
