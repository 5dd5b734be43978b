import { seededRandom } from "../harness/random.ts";
import { MESH, type ModelProxy, teamOf } from "./mesh-model.ts";

/** Of whom a policy speaks: of twenty policies of each kind two are for all, six for each of the others. */
type Scope =
  /** Everybody, of everything. */
  | "mesh"
  /** Everybody, of one service. */
  | "service"
  /** The services of one team. */
  | "team"
  /** One service, and of what it calls one other. */
  | "pair";

const SCOPES: readonly Scope[] = [
  "mesh",
  "service",
  "team",
  "pair",
  "service",
  "team",
  "pair",
  "service",
  "team",
  "pair",
];

/** What one policy is made for. */
interface Place {
  readonly round: number;
  readonly scope: Scope;
  readonly caller: string;
  readonly callee: string;
}

const SPIFFE = "spiffe://bench.mesh.local";
const PORT = 8080;

/**
 * Policies as a mesh has them that has grown: kinds in turn, most about a few services, some about all. None says what the
 * measured MeshTimeout says, nor leads a caller to a service that it does not call anyway, so the measured changes reach
 * the same proxies with and without.
 */
export function mixedPolicies(
  count: number,
  model: readonly ModelProxy[],
): readonly (readonly [path: string, document: Readonly<Record<string, unknown>>])[] {
  const random = seededRandom(count);
  return Array.from({ length: count }, (_, index) => {
    const [type, path, spec] = KINDS[index % KINDS.length] ?? raise();
    const round = Math.floor(index / KINDS.length);
    const proxy = model[Math.floor(random() * model.length)] ?? raise();
    const callee = proxy.calls[Math.floor(random() * proxy.calls.length)] ?? proxy.service;
    const scope = SCOPES[round % SCOPES.length] ?? "mesh";
    const name = `mixed-${index}`;
    return [
      `/meshes/${MESH}/${path}/${name}`,
      { type, mesh: MESH, name, spec: spec({ round, scope, caller: proxy.service, callee }) },
    ];
  });
}

type Kind = readonly [type: string, path: string, spec: (place: Place) => object];

const KINDS: readonly Kind[] = [
  [
    "MeshTimeout",
    "meshtimeouts",
    (at) =>
      calls(at, { idleTimeout: `${600 + at.round}s`, http: { streamIdleTimeout: `${60 + at.round}s` } }),
  ],
  [
    "MeshRetry",
    "meshretries",
    (at) => calls(at, { http: { numRetries: 1 + at.round, retryOn: ["5xx"], perTryTimeout: "2s" } }),
  ],
  [
    "MeshCircuitBreaker",
    "meshcircuitbreakers",
    (at) =>
      calls(at, {
        connectionLimits: { maxConnections: 100 + at.round, maxPendingRequests: 50 },
        outlierDetection: { interval: "10s", detectors: { totalFailures: { consecutive: 5 + at.round } } },
      }),
  ],
  [
    "MeshHealthCheck",
    "meshhealthchecks",
    (at) =>
      calls(at, {
        interval: `${10 + at.round}s`,
        timeout: "2s",
        http: { path: "/health", expectedStatuses: [200] },
      }),
  ],
  [
    "MeshLoadBalancingStrategy",
    "meshloadbalancingstrategies",
    (at) =>
      calls(
        at,
        at.scope === "mesh"
          ? { loadBalancer: { type: "LeastRequest", leastRequest: { choiceCount: 2 + at.round } } }
          : {
              loadBalancer: { type: "RingHash", ringHash: { minRingSize: 1024 + at.round } },
              hashPolicies: [{ type: "Header", header: { name: "x-user" } }],
            },
      ),
  ],
  ["MeshHTTPRoute", "meshhttproutes", httpRoute],
  [
    "MeshTrafficPermission",
    "meshtrafficpermissions",
    (at) => inbounds(at, [{ default: { allow: [caller(at, "Exact")], deny: [blocked(at)] } }]),
  ],
  [
    "MeshRateLimit",
    "meshratelimits",
    (at) => {
      const limit = (num: number) => ({ local: { http: { requestRate: { num, interval: "1s" } } } });
      return inbounds(at, [
        { default: limit(1000 + at.round) },
        { matches: [{ spiffeID: caller(at, "Exact").spiffeID }], default: limit(100 + at.round) },
      ]);
    },
  ],
  [
    "MeshFaultInjection",
    "meshfaultinjections",
    (at) =>
      inbounds(at, [
        {
          matches: [blocked(at)],
          default: { http: [{ delay: { value: "50ms", percentage: 1 + at.round } }] },
        },
      ]),
  ],
  [
    "MeshTLS",
    "meshtlses",
    (at) =>
      inbounds(at, [
        { default: { mode: "Strict", ...(at.scope === "mesh" ? { tlsVersion: { min: "TLS12" } } : {}) } },
      ]),
  ],
];

/** What callers do: `to` lists. */
function calls(at: Place, conf: object): object {
  const mesh = { kind: "Mesh" };
  const service = { kind: "MeshService", name: at.callee };
  switch (at.scope) {
    case "mesh":
      return { to: [{ targetRef: mesh, default: conf }] };
    case "service":
      return { to: [{ targetRef: service, default: conf }] };
    case "team":
      return { targetRef: team(at), to: [{ targetRef: mesh, default: conf }] };
    case "pair":
      return { targetRef: app(at.caller), to: [{ targetRef: service, default: conf }] };
  }
}

/** What servers do: `rules`. */
function inbounds(at: Place, rules: readonly object[]): object {
  switch (at.scope) {
    case "mesh":
      return { targetRef: { kind: "Mesh", proxyTypes: ["Sidecar"] }, rules };
    case "service":
      return { targetRef: { ...app(at.callee), sectionName: String(PORT) }, rules };
    case "team":
      return { targetRef: team(at), rules };
    case "pair":
      return { targetRef: app(at.callee), rules };
  }
}

/** Routes are of a service always: those for all its callers, of one team, or of one service. */
function httpRoute({ round, scope, caller, callee }: Place): object {
  const own = { kind: "MeshService", name: callee, port: PORT };
  const header = { name: "x-round", value: String(round) };
  const rules = [
    {
      matches: [{ path: { type: "PathPrefix", value: `/api/v${round}` } }],
      default: {
        filters: [{ type: "RequestHeaderModifier", requestHeaderModifier: { set: [header] } }],
        backendRefs: [{ ...own, weight: 1 }],
      },
    },
    {
      matches: [{ path: { type: "Exact", value: "/old" }, method: "GET" }],
      default: {
        filters: [
          {
            type: "RequestRedirect",
            requestRedirect: { path: { type: "ReplaceFullPath", replaceFullPath: "/new" } },
          },
        ],
      },
    },
  ];
  const selected = scope === "team" ? team({ caller }) : scope === "pair" ? app(caller) : undefined;
  return {
    ...(selected === undefined ? {} : { targetRef: selected }),
    to: [{ targetRef: { kind: "MeshService", name: callee }, rules }],
  };
}

function app(service: string) {
  return { kind: "Dataplane", labels: { app: service } };
}

function team({ caller }: Pick<Place, "caller">) {
  return { kind: "Dataplane", labels: { team: teamOf(caller) } };
}

function caller({ caller: name }: Place, type: "Exact") {
  return { spiffeID: { type, value: `${SPIFFE}/ns/bench/sa/${name}` } };
}

function blocked({ round }: Place) {
  return { spiffeID: { type: "Exact", value: `${SPIFFE}/ns/other/sa/blocked-${round}` } };
}

function raise(): never {
  throw new RangeError("there is nothing to choose from");
}
