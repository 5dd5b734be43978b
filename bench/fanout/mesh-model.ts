import { seededRandom } from "../harness/random.ts";

/** Mesh of all benchmarks' proxies. */
export const MESH = "default";
const OUTBOUNDS = 3;

/** One simulated proxy's place in the mesh. */
export interface ModelProxy {
  readonly index: number;
  readonly name: string;
  readonly service: string;
  /** Services that it calls. */
  readonly calls: readonly string[];
}

/** A mesh drawn at random: each proxy belongs to one service and calls some others. */
export function modelMesh(proxies: number, services: number, called = OUTBOUNDS): readonly ModelProxy[] {
  const random = seededRandom(proxies * 1_000 + services);
  return Array.from({ length: proxies }, (_, index) => {
    const own = index % services;
    const calls = new Set<number>();
    while (calls.size < Math.min(called, services - 1)) {
      const drawn = Math.floor(random() * services);
      if (drawn !== own) calls.add(drawn);
    }
    return {
      index,
      name: `${serviceName(own)}-${Math.floor(index / services)}`,
      service: serviceName(own),
      calls: [...calls].map(serviceName),
    };
  });
}

export function serviceName(index: number): string {
  return `svc-${index}`;
}

const SERVICES_OF_A_TEAM = 5;

/** The team of a service: five services each. */
export function teamOf(service: string): string {
  return `team-${Math.floor(Number(service.slice("svc-".length)) / SERVICES_OF_A_TEAM)}`;
}

/** The Dataplane that a simulated proxy brings along. */
export function dataplane({ index, name, service, calls }: ModelProxy): {
  readonly type: "Dataplane";
  readonly mesh: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly networking: {
    readonly address: string;
    readonly inbound: { port: number; servicePort: number; protocol: string; tags: Record<string, string> }[];
    readonly outbound: {
      address: string;
      port: number;
      backendRef: { kind: string; name: string; port: number };
    }[];
  };
} {
  const address = `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`;
  return {
    type: "Dataplane",
    mesh: MESH,
    name,
    labels: { app: service, team: teamOf(service), "kuma.io/workload": service },
    networking: {
      address,
      inbound: [{ port: 8080, servicePort: 8080, protocol: "http", tags: { "kuma.io/service": service } }],
      outbound: calls.map((called, at) => ({
        address: "127.0.0.1",
        port: 10_001 + at,
        backendRef: { kind: "MeshService", name: called, port: 8080 },
      })),
    },
  };
}

/** How proxies know whom they may call: from outbounds, or as transparent ones from a list or from nothing but the mesh. */
export type Reach = "outbounds" | "listed" | "all";

/** Services that a proxy can call. */
export function calledBy({ calls }: ModelProxy, reach: Reach, services: number): number {
  return reach === "all" ? services : calls.length;
}

/** The Dataplane that a simulated proxy brings along, by how it knows whom it may call. */
export function broughtDataplane(proxy: ModelProxy, reach: Reach): object {
  return reach === "outbounds" ? dataplane(proxy) : transparentDataplane(proxy, reach === "listed", {});
}

/** Where rules lead connections, for a proxy whose launcher does not say it. */
const REDIRECT_PORTS = { redirectPortInbound: 15_006, redirectPortOutbound: 15_001 };

/** How a Dataplane of the benchmarks with transparent proxying lists what it calls; all it may, where it lists nothing. */
export function transparentDataplane(
  proxy: ModelProxy,
  listing: boolean,
  redirect: Partial<typeof REDIRECT_PORTS> = REDIRECT_PORTS,
): object {
  const { networking, ...rest } = dataplane(proxy);
  const refs = proxy.calls.map((name) => ({ kind: "MeshService", name }));
  return {
    ...rest,
    networking: {
      ...networking,
      outbound: [],
      transparentProxying: {
        ...redirect,
        ...(listing ? { reachableBackends: { refs } } : {}),
      },
    },
  };
}

/** The Dataplane of one more instance of a service. */
export function extraInstance(service: string, at: number): ReturnType<typeof dataplane> {
  return dataplane({ index: 1_000_000 + at, name: `extra-${at}`, service, calls: [] });
}

/** Strict mutual TLS with certificates of the control plane's own CA, open to everybody in the mesh. */
export const SECURITY: readonly (readonly [path: string, document: object])[] = [
  [`/meshes/${MESH}`, { type: "Mesh", name: MESH, meshServices: { mode: "Exclusive" } }],
  [
    `/meshes/${MESH}/meshidentities/identity`,
    {
      type: "MeshIdentity",
      mesh: MESH,
      name: "identity",
      spec: {
        selector: { dataplane: { matchLabels: {} } },
        spiffeID: { trustDomain: "bench.mesh.local", path: '/ns/bench/sa/{{ label "app" }}' },
        provider: {
          type: "Bundled",
          bundled: { insecureAllowSelfSigned: true, autogenerate: { enabled: true } },
        },
      },
    },
  ],
  [
    `/meshes/${MESH}/meshtlses/strict`,
    { type: "MeshTLS", mesh: MESH, name: "strict", spec: { rules: [{ default: { mode: "Strict" } }] } },
  ],
  [`/meshes/${MESH}/meshtrafficpermissions/everybody`, permission("everybody", undefined, "/ns")],
];

/** Lets callers whose SPIFFE id begins with a path call the selected dataplanes. */
export function permission(name: string, app: string | undefined, path: string): object {
  return {
    type: "MeshTrafficPermission",
    mesh: MESH,
    name,
    spec: {
      ...(app === undefined ? {} : { targetRef: { kind: "Dataplane", labels: { app } } }),
      rules: [
        { default: { allow: [{ spiffeID: { type: "Prefix", value: `spiffe://bench.mesh.local${path}` } }] } },
      ],
    },
  };
}

/** A timeout for all traffic of the mesh; every `round` differs in what clusters and what listeners hold. */
export function meshTimeout(round: number): object {
  return {
    type: "MeshTimeout",
    mesh: MESH,
    name: "bench",
    spec: {
      to: [
        {
          targetRef: { kind: "Mesh" },
          default: { connectionTimeout: `${round + 3}s`, http: { requestTimeout: `${round + 20}s` } },
        },
      ],
    },
  };
}
