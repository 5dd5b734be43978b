import { apiPath, type Query } from "../client/api-client.ts";
import { apiErrorOf } from "../client/api-error.ts";
import { usageError } from "../exit.ts";
import { parseOutputFormat, render, toJson, toYaml } from "../output/format.ts";
import { describeLegacyPolicies, describeRules } from "../output/proxy-policies.ts";
import { textAt } from "../read.ts";
import type { Session } from "../session.ts";
import { didYouMean } from "../suggest.ts";

/** What `inspect dataplane --type` can show. */
export const dataplaneViews = [
  "policies",
  "config-dump",
  "stats",
  "clusters",
  "config",
  "plan",
  "fields",
] as const;
/** What `inspect zoneingress|zoneegress --type` can show. */
export const zoneProxyViews = ["config-dump", "stats", "clusters"] as const;

export interface InspectProxyOptions {
  readonly mesh: string;
  readonly type: string;
  readonly output: string;
  readonly includeEds?: boolean;
  readonly shadow?: boolean;
  readonly include: readonly string[];
  readonly inbound?: string;
  readonly outbound?: string;
}

/** `inspect dataplane NAME`: one proxy, seen from one of the sides that `--type` names. */
export async function inspectDataplane(
  session: Session,
  name: string,
  options: InspectProxyOptions,
): Promise<void> {
  const view = pickView(options.type, dataplaneViews);
  refuseStrayFlags(view, options);
  const path = apiPath("meshes", options.mesh, "dataplanes", name);
  if (view === "policies") return inspectPolicies(session, path, options);
  if (view === "fields") return (await import("./inspect-fields.ts")).inspectFields(session, path, options);
  if (view === "plan") return printPlan(session, path, options);
  if (view === "config") {
    const include = options.include.flatMap((part) => part.split(","));
    const query: Query = {
      shadow: options.shadow === true ? "true" : undefined,
      include: include.length === 0 ? undefined : include,
    };
    return printRaw(session, `${path}/_config`, query);
  }
  return printAdmin(session, path, view, options);
}

/** `inspect zoneingress NAME` and `inspect zoneegress NAME`. */
export async function inspectZoneProxy(
  session: Session,
  kind: "zoneingresses" | "zoneegresses",
  name: string,
  options: Pick<InspectProxyOptions, "type" | "includeEds">,
): Promise<void> {
  await printAdmin(session, apiPath(kind, name), pickView(options.type, zoneProxyViews), options);
}

/** `inspect meshgateway NAME`: the proxies that serve a gateway. */
export async function inspectMeshGateway(
  session: Session,
  name: string,
  { mesh, output }: { readonly mesh: string; readonly output: string },
): Promise<void> {
  const format = parseOutputFormat(output);
  const client = await session.client();
  const items = await client.all(`${apiPath("meshes", mesh, "meshgateways", name)}/dataplanes`);
  const list = { items, total: items.length };
  session.io.out(
    await render(format, list, () => items.map((item) => `${textAt(item, "dataplane", "name")}\n`).join("")),
  );
}

/** `inspect POLICY NAME`: the proxies that a policy affects. */
export async function inspectPolicy(
  session: Session,
  type: string,
  name: string,
  { mesh, output }: { readonly mesh: string; readonly output: string },
): Promise<void> {
  const format = parseOutputFormat(output);
  const kind = (await session.kinds()).demand(type);
  if (kind.policy === undefined && kind.type !== "MeshService") {
    throw usageError(`${kind.type} is not a policy: "inspect" shows which proxies a policy affects`);
  }
  const client = await session.client();
  const items = await client.all(`${apiPath("meshes", mesh, kind.path, name)}/_resources/dataplanes`);
  const list = { items, total: items.length };
  const text = (): string =>
    `Affected data plane proxies:\n\n${items.map((item) => `  ${textAt(item, "name")}\n`).join("")}`;
  session.io.out(await render(format, list, text));
}

async function inspectPolicies(session: Session, path: string, options: InspectProxyOptions): Promise<void> {
  const format = parseOutputFormat(options.output);
  const client = await session.client();
  const response = await client.request("GET", `${path}/_rules`);
  const isOld = response.status === 404 && response.body.startsWith("404");
  if (response.status >= 400 && !isOld) throw apiErrorOf(response.status, response.body);
  const document: unknown = isOld ? await client.get(`${path}/policies`) : JSON.parse(response.body);
  session.io.out(
    await render(format, document, () =>
      isOld ? describeLegacyPolicies(document) : describeRules(document),
    ),
  );
}

async function printPlan(session: Session, path: string, options: InspectProxyOptions): Promise<void> {
  const plan = await (await session.client()).get(`${path}/_plan`);
  session.io.out(parseOutputFormat(options.output) === "yaml" ? await toYaml(plan) : toJson(plan));
}

async function printAdmin(
  session: Session,
  path: string,
  view: "config-dump" | "stats" | "clusters",
  options: Pick<InspectProxyOptions, "includeEds">,
): Promise<void> {
  if (view === "config-dump") {
    await printRaw(session, `${path}/xds`, { include_eds: options.includeEds === true ? "true" : undefined });
  } else {
    await printRaw(session, `${path}/${view}`, {});
  }
}

async function printRaw(session: Session, path: string, query: Query): Promise<void> {
  const response = await (await session.client()).call("GET", path, { query });
  session.io.out(response.body.endsWith("\n") ? response.body : `${response.body}\n`);
}

function pickView<View extends string>(text: string, views: readonly View[]): View {
  const view = views.find((candidate) => candidate === text);
  if (view !== undefined) return view;
  throw usageError(
    `unknown inspection type "${text}": it must be one of ${views.join(", ")}${didYouMean(text, views)}`,
  );
}

function refuseStrayFlags(
  view: string,
  { shadow, include, includeEds, inbound, outbound }: InspectProxyOptions,
): void {
  if ((inbound ?? outbound) !== undefined && view !== "fields")
    throw usageError("--inbound and --outbound can only be used with --type=fields");
  if (shadow === true && view !== "config") throw usageError("--shadow can only be used with --type=config");
  if (include.length > 0 && view !== "config")
    throw usageError("--include can only be used with --type=config");
  if (includeEds === true && view !== "config-dump") {
    throw usageError("--include-eds can only be used with --type=config-dump");
  }
}
