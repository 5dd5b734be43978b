import {
  isIp,
  type MeshExternalServiceResource,
  type MeshExternalServiceTls,
  meshExternalServiceKind,
  unixSocketPath,
} from "@skein/model";
import type { ExternalEndpointPlan, ExternalPlan, ExternalSanPlan, ExternalTlsPlan } from "@skein/policies";
import type { MeshView } from "../view/mesh-view.ts";
import type { Destination, DestinationInputs } from "./destinations.ts";
import type { OutsideService } from "./egress.ts";
import {
  AUTHORITIES_SECRET,
  CLIENT_SECRET,
  externalMaterial,
  type MaterialInputs,
} from "./external-secrets.ts";
import { resourceDestination } from "./resource-destination.ts";

/** Where something outside the mesh is, before it is known from which machine it is called. */
export interface ExternalDestination {
  readonly endpoints: readonly ExternalEndpointPlan[];
  readonly tls: (Omit<ExternalTlsPlan, "authorities"> & { readonly authorities: Authorities }) | undefined;
  readonly problem?: string;
  readonly warning?: string;
}

/** `machine`: the roots of the machine that the proxy is on. */
type Authorities = { readonly secret: string } | "machine" | undefined;

/** What of a proxy's machine decides how it reaches the world. */
export interface Machine {
  readonly ipv6: boolean;
  readonly systemCaPath: string | undefined;
}

/**
 * A MeshExternalService as its callers see it; undefined where there is none with this port. In a mesh that is left
 * through an egress, the egress is what they call, and where the service is does not concern them.
 */
export function externalDestination(
  inputs: DestinationInputs,
  name: string,
  port: number,
): Destination | undefined {
  const service = inputs.outside.at(name).get();
  if (service === undefined || service.plan.port !== port) return undefined;
  const { plan, external } = service;
  if (!leavesThroughEgress(inputs.view)) return { plan, acceptsTls: false, external };
  const egresses = inputs.egresses.get();
  const isNowhere = external.endpoints.length === 0 ? external.problem : undefined;
  const problem = isNowhere ?? (egresses.problem && withoutEgress(inputs.meshName, egresses.problem));
  if (problem !== undefined) {
    return { plan, acceptsTls: false, external: { endpoints: [], tls: undefined, problem } };
  }
  return { plan: { ...plan, serverIds: egresses.serverIds }, acceptsTls: true };
}

/** A MeshExternalService as who calls it for the mesh sees it. */
export function outsideService(
  inputs: Pick<DestinationInputs, "view" | "meshName" | "openSecret">,
  name: string,
): OutsideService | undefined {
  const service = inputs.view.externalServices.at(name).get();
  if (service === undefined) return undefined;
  const { port, protocol } = service.spec.match;
  return {
    plan: resourceDestination(meshExternalServiceKind, service, { port }, { protocol, serverIds: [] }),
    external: whereabouts(inputs, service),
  };
}

/** What it comes to for a proxy on a machine. */
export function externalPlan(destination: ExternalDestination, machine: Machine): ExternalPlan {
  const { tls, ...rest } = destination;
  const base = { ...rest, family: machine.ipv6 ? "v4-preferred" : "v4" } as const;
  if (tls === undefined) return { ...base, tls };
  const { authorities } = tls;
  if (authorities !== "machine") return { ...base, tls: { ...tls, authorities } };
  if (machine.systemCaPath !== undefined) {
    return { ...base, tls: { ...tls, authorities: { file: machine.systemCaPath } } };
  }
  return {
    problem:
      "there is nothing to check its certificate against: it has no tls.verification.caCert, and the proxy did not say where its machine keeps its own roots (start it with --system-ca-path)",
    ...base,
    tls: { ...tls, authorities: undefined },
  };
}

function whereabouts(inputs: MaterialInputs, service: MeshExternalServiceResource): ExternalDestination {
  const { spec, name } = service;
  const endpoints = densePriorities(service);
  const [tls, unnamed] =
    spec.tls?.enabled === true ? origination(name, endpoints, spec.tls) : [undefined, undefined];
  const secrets = [tls?.authorities, tls?.clientSecret].flatMap((each) =>
    each === undefined || each === "machine" ? [] : [typeof each === "string" ? each : each.secret],
  );
  const materials = secrets.map((secret) => externalMaterial(inputs, secret));
  const missing = materials.flatMap((each) => (each.ok ? [] : [each.error]))[0];
  const warning = materials.flatMap((each) => (each.ok ? (each.value.warning ?? []) : []))[0];
  const problem = nowhere(service) ?? missing ?? unnamed;
  return {
    endpoints,
    tls,
    ...(problem === undefined ? {} : { problem }),
    ...(warning === undefined ? {} : { warning }),
  };
}

/** Whether the traffic of a mesh must leave through an egress: then nothing is sent past it. */
export function leavesThroughEgress(view: Pick<MeshView, "mesh">): boolean {
  return view.mesh.get()?.spec.routing?.zoneEgress === true;
}

function withoutEgress(mesh: string, why: string): string {
  return `Mesh "${mesh}" has routing.zoneEgress: true, no zone egress is ready (${why}), and nothing is sent past it; start one, or unset routing.zoneEgress to have proxies call external services themselves`;
}

function nowhere({ name, spec }: MeshExternalServiceResource): string | undefined {
  if ((spec.endpoints ?? []).length > 0) return undefined;
  const extension =
    spec.extension === undefined ? "" : `; the extension "${spec.extension.type}" is not known`;
  return `MeshExternalService "${name}" has no endpoints${extension}`;
}

/** Envoy wants priorities without gaps: the numbers that the resource has become their rank. */
function densePriorities({ spec }: MeshExternalServiceResource): readonly ExternalEndpointPlan[] {
  const endpoints = spec.endpoints ?? [];
  const ranks = [...new Set(endpoints.map(({ priority }) => priority ?? 0))].sort((a, b) => a - b);
  return endpoints
    .map(({ address, port = 0, priority = 0 }): ExternalEndpointPlan => {
      const place = { priority: ranks.indexOf(priority), subZone: `priority-${priority}` };
      const socket = unixSocketPath(address);
      if (socket !== undefined) return { ...place, socket };
      return { ...place, host: address, port, isName: !isIp(address) };
    })
    .sort((a, b) => a.priority - b.priority);
}

/** TLS with a service, and what keeps it from being verified as its mode demands. */
function origination(
  name: string,
  endpoints: readonly ExternalEndpointPlan[],
  { version, allowRenegotiation, verification }: MeshExternalServiceTls,
): readonly [ExternalDestination["tls"], string | undefined] {
  const { mode = "Secured", serverName, subjectAltNames = [], caCert, clientCert } = verification ?? {};
  const hosts = endpoints.flatMap((each) => ("host" in each ? [each] : []));
  const sni = serverName ?? hosts.find(({ isName }) => isName)?.host;
  const hasAuthorities = mode === "Secured" || mode === "SkipSAN";
  // Without authorities anybody can write any name into a certificate: there is nothing to check.
  const sans = mode === "Secured" ? expectedNames(subjectAltNames, sni, hosts) : [];
  return [
    {
      min: version?.min ?? "TLSAuto",
      max: version?.max ?? "TLSAuto",
      allowRenegotiation,
      sni,
      sans,
      authorities: !hasAuthorities
        ? undefined
        : caCert === undefined
          ? "machine"
          : { secret: `${AUTHORITIES_SECRET}${name}` },
      clientSecret: clientCert === undefined ? undefined : `${CLIENT_SECRET}${name}`,
    },
    mode === "Secured" && sans.length === 0
      ? `MeshExternalService "${name}" says nothing of the name in the certificate, and a Unix socket has none: set tls.verification.serverName or subjectAltNames, or mode SkipSAN`
      : undefined,
  ];
}

/** Names that were given; else the one that is asked for; else the addresses that are called. */
function expectedNames(
  given: readonly { readonly type: "Exact" | "Prefix"; readonly value: string }[],
  sni: string | undefined,
  hosts: readonly { readonly host: string }[],
): readonly ExternalSanPlan[] {
  if (given.length > 0) {
    return given.map(({ type, value }) => ({ match: type === "Exact" ? "exact" : "prefix", value }));
  }
  const names = sni === undefined ? hosts.map(({ host }) => host) : [sni];
  return [...new Set(names)].map((value) => ({ match: "exact", value }));
}
