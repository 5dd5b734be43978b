import { apiPath, type Query } from "../client/api-client.ts";
import { ownZone } from "../client/own-zone.ts";
import { usageError } from "../exit.ts";
import { ageOf } from "../output/age.ts";
import { parseOutputFormat, render } from "../output/format.ts";
import { connectionOf, dataplaneStatus, dateOf } from "../output/insight.ts";
import { tagsOf } from "../output/resource-table.ts";
import { renderTable } from "../output/table.ts";
import { listAt, numberAt, objectAt, textAt, valueAt } from "../read.ts";
import type { Session } from "../session.ts";

interface OutputOption {
  readonly output: string;
}

/** `inspect meshes`: how many proxies and policies each mesh has. */
export async function inspectMeshes(session: Session, { output }: OutputOption): Promise<void> {
  await printList(session, output, "/mesh-insights", {}, (items) =>
    renderTable(
      ["MESH", "DATAPLANES", ...meshPolicies.map(([title]) => title)],
      items.map((item) => [
        textAt(item, "name"),
        `${numberAt(item, "dataplanes", "online")}/${numberAt(item, "dataplanes", "total")}`,
        ...meshPolicies.map(([, type]) => `${numberAt(item, "policies", type, "total")}`),
      ]),
    ),
  );
}

const meshPolicies: readonly (readonly [title: string, type: string])[] = [
  ["TRAFFIC PERMISSIONS", "TrafficPermission"],
  ["TRAFFIC ROUTES", "TrafficRoute"],
  ["CIRCUIT BREAKERS", "CircuitBreaker"],
  ["HEALTH CHECKS", "HealthCheck"],
  ["FAULT INJECTIONS", "FaultInjection"],
  ["EXTERNAL SERVICES", "ExternalService"],
  ["TRAFFIC TRACES", "TrafficTrace"],
  ["TRAFFIC LOGS", "TrafficLog"],
  ["PROXY TEMPLATES", "ProxyTemplate"],
  ["RATE LIMITS", "RateLimit"],
];

export interface InspectDataplanesOptions extends OutputOption {
  readonly mesh: string;
  readonly tag: readonly string[];
  readonly gateway?: boolean;
  readonly ingress?: boolean;
}

/** `inspect dataplanes`: every proxy of a mesh with what its connection and certificate are like. */
export async function inspectDataplanes(session: Session, options: InspectDataplanesOptions): Promise<void> {
  const query: Query = {
    tag: options.tag.map(tagFilter),
    gateway: options.gateway === true ? "true" : undefined,
    ingress: options.ingress === true ? "true" : undefined,
  };
  const path = `${apiPath("meshes", options.mesh, "dataplanes")}/_overview`;
  await printList(session, options.output, path, query, (items, nowMs) =>
    renderTable(
      dataplaneHeader,
      items.map((item) => dataplaneRow(item, nowMs)),
    ),
  );
}

const dataplaneHeader = [
  "MESH",
  "NAME",
  "TAGS",
  "STATUS",
  "LAST CONNECTED AGO",
  "LAST UPDATED AGO",
  "TOTAL UPDATES",
  "TOTAL ERRORS",
  "CERT REGENERATED AGO",
  "CERT EXPIRATION",
  "CERT REGENERATIONS",
  "CERT BACKEND",
  "SUPPORTED CERT BACKENDS",
  "KUMA-DP VERSION",
  "ENVOY VERSION",
  "DEPENDENCIES VERSIONS",
  "NOTES",
];

function dataplaneRow(item: unknown, nowMs: number): readonly string[] {
  const insight = valueAt(item, "dataplaneInsight");
  const connection = connectionOf(insight, nowMs);
  const mtls = objectAt(insight, "mTLS");
  const versions = objectAt(connection.latest, "version");
  const dependencies = Object.entries(objectAt(versions, "dependencies"))
    .map(([name, version]) => `${name}: ${String(version)}`)
    .sort();
  return [
    textAt(item, "mesh"),
    textAt(item, "name"),
    tagsOf(valueAt(item, "dataplane")),
    dataplaneStatus(item, connection.isConnected),
    connection.lastConnectedAgo,
    connection.lastUpdatedAgo,
    connection.updates,
    connection.errors,
    ageOf(textAt(mtls, "lastCertificateRegeneration"), nowMs),
    dateOf(textAt(mtls, "certificateExpirationTime")),
    `${numberAt(mtls, "certificateRegenerations")}`,
    textAt(mtls, "issuedBackend") || "-",
    listAt(mtls, "supportedBackends").map(String).join(","),
    textAt(versions, "kumaDp", "version"),
    textAt(versions, "envoy", "version"),
    dependencies.length === 0 ? "-" : dependencies.join(", "),
    "",
  ];
}

function tagFilter(text: string): string {
  const [key, ...value] = text.split("=");
  if (key === undefined || key === "" || value.length === 0) {
    throw usageError(`--tag "${text}" must be written key=value`);
  }
  return `${key}:${value.join("=")}`;
}

/** `inspect zones`. A zone that has no insight because it is the control plane's own is online: it answered. */
export async function inspectZones(session: Session, { output }: OutputOption): Promise<void> {
  const header = ["NAME", "STATUS", ...connectionHeader, "ZONE-CP VERSION", "BACKEND"];
  await printList(session, output, "/zones/_overview", {}, async (items, nowMs) => {
    const isComplete = items.every((item) => listAt(item, "zoneInsight", "subscriptions").length > 0);
    const own = isComplete ? undefined : await ownZone(await session.client());
    return renderTable(
      header,
      items.map((item) => {
        const name = textAt(item, "name");
        const connection = connectionOf(valueAt(item, "zoneInsight"), nowMs);
        if (connection.latest === undefined && own !== undefined && own.name === name) {
          return [name, "Online", "-", "-", "-", "-", own.version, own.storeType];
        }
        const isEnabled = valueAt(item, "zone", "enabled") !== false;
        return [
          name,
          connection.isConnected && isEnabled ? "Online" : "Offline",
          ...connectionCells(connection),
          textAt(connection.latest, "version", "kumaCp", "version"),
          storeTypeOf(textAt(connection.latest, "config")),
        ];
      }),
    );
  });
}

/** `inspect zoneingresses` and `inspect zoneegresses`. */
export async function inspectZoneProxies(
  session: Session,
  kind: "zoneingresses" | "zoneegresses",
  { output }: OutputOption,
): Promise<void> {
  const header = ["NAME", "STATUS", ...connectionHeader, "KUMA-DP VERSION", "ENVOY VERSION"];
  const insightKey = kind === "zoneingresses" ? "zoneIngressInsight" : "zoneEgressInsight";
  await printList(session, output, `/${kind}/_overview`, {}, (items, nowMs) =>
    renderTable(
      header,
      items.map((item) => {
        const connection = connectionOf(valueAt(item, insightKey), nowMs);
        return [
          textAt(item, "name"),
          connection.isConnected ? "Online" : "Offline",
          ...connectionCells(connection),
          textAt(connection.latest, "version", "kumaDp", "version"),
          textAt(connection.latest, "version", "envoy", "version"),
        ];
      }),
    ),
  );
}

/** `inspect services`: the state of each service of a mesh. */
export async function inspectServices(
  session: Session,
  { mesh, output }: OutputOption & { readonly mesh: string },
): Promise<void> {
  await printList(session, output, apiPath("meshes", mesh, "service-insights"), {}, (items) =>
    renderTable(
      ["SERVICE", "STATUS", "DATAPLANES"],
      items.map((item) => [
        textAt(item, "name"),
        serviceStates[textAt(item, "status")] ?? textAt(item, "status"),
        `${numberAt(item, "dataplanes", "online")}/${numberAt(item, "dataplanes", "total")}`,
      ]),
    ),
  );
}

const serviceStates: Readonly<Record<string, string>> = {
  online: "Online",
  offline: "Offline",
  partially_degraded: "Partially degraded",
  not_available: "Not available",
};

const connectionHeader = ["LAST CONNECTED AGO", "LAST UPDATED AGO", "TOTAL UPDATES", "TOTAL ERRORS"];

function connectionCells(connection: ReturnType<typeof connectionOf>): readonly string[] {
  return [connection.lastConnectedAgo, connection.lastUpdatedAgo, connection.updates, connection.errors];
}

function storeTypeOf(config: string): string {
  try {
    return textAt(JSON.parse(config), "store", "type");
  } catch {
    return "";
  }
}

async function printList(
  session: Session,
  output: string,
  path: string,
  query: Query,
  table: (items: readonly unknown[], nowMs: number) => string | Promise<string>,
): Promise<void> {
  const format = parseOutputFormat(output);
  const client = await session.client();
  const items = await client.all(path, query);
  const list = { items, next: null, total: items.length };
  session.io.out(await render(format, list, () => table(items, session.io.now())));
}
