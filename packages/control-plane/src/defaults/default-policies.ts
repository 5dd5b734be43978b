import {
  computeLabels,
  type LabelContext,
  type NewResource,
  parseResource,
  type Registry,
} from "@skein/model";

/** Entries of a Mesh's `skipCreatingInitialPolicies` that leave out every default policy. */
const ALL = "*";

/** The policies that a new mesh starts with: the same limits and time-outs as Kuma's, under the same names. */
function documents(
  mesh: string,
): readonly { readonly type: string; readonly name: string; readonly spec: unknown }[] {
  const wholeMesh = { kind: "Mesh" };
  return [
    {
      type: "MeshTimeout",
      name: `mesh-timeout-all-${mesh}`,
      spec: {
        targetRef: { ...wholeMesh, proxyTypes: ["Sidecar"] },
        from: [
          {
            targetRef: wholeMesh,
            default: {
              connectionTimeout: "10s",
              idleTimeout: "2h",
              http: { requestTimeout: "0s", streamIdleTimeout: "1h", maxStreamDuration: "0s" },
            },
          },
        ],
        to: [
          {
            targetRef: wholeMesh,
            default: {
              connectionTimeout: "5s",
              idleTimeout: "1h",
              http: { requestTimeout: "15s", streamIdleTimeout: "30m" },
            },
          },
        ],
      },
    },
    {
      type: "MeshTimeout",
      name: `mesh-gateways-timeout-all-${mesh}`,
      spec: {
        targetRef: { ...wholeMesh, proxyTypes: ["Gateway"] },
        from: [
          {
            targetRef: wholeMesh,
            default: {
              idleTimeout: "5m",
              http: { streamIdleTimeout: "5s", requestHeadersTimeout: "500ms" },
            },
          },
        ],
        to: [{ targetRef: wholeMesh, default: { idleTimeout: "1h", http: { streamIdleTimeout: "5s" } } }],
      },
    },
    {
      type: "MeshCircuitBreaker",
      name: `mesh-circuit-breaker-all-${mesh}`,
      spec: {
        targetRef: wholeMesh,
        to: [
          {
            targetRef: wholeMesh,
            default: {
              connectionLimits: {
                maxConnections: 1024,
                maxPendingRequests: 1024,
                maxRequests: 1024,
                maxRetries: 3,
              },
            },
          },
        ],
      },
    },
    {
      type: "MeshRetry",
      name: `mesh-retry-all-${mesh}`,
      spec: {
        targetRef: wholeMesh,
        to: [
          {
            targetRef: wholeMesh,
            default: {
              tcp: { maxConnectAttempt: 5 },
              http: retries(),
              grpc: retries(),
            },
          },
        ],
      },
    },
  ];
}

function retries() {
  return { numRetries: 5, perTryTimeout: "16s", backOff: { baseInterval: "25ms", maxInterval: "250ms" } };
}

/**
 * The default policies of a new mesh, without those whose types it lists in `skip` (`*`: all). Kinds that the registry
 * does not know are left out.
 */
export function defaultPolicies(
  registry: Registry,
  mesh: string,
  skip: readonly string[],
  context: LabelContext,
): readonly NewResource[] {
  if (skip.includes(ALL)) return [];
  return documents(mesh)
    .filter(({ type }) => !skip.includes(type))
    .flatMap(({ type, name, spec }) => {
      const resource = builtIn(registry, { type, mesh, name, spec }, context);
      return resource ? [{ ...resource, owner: { type: "Mesh", mesh: "", name: mesh } }] : [];
    });
}

/** The names of the policies that a new mesh starts with. */
export function defaultPolicyNames(mesh: string): ReadonlySet<string> {
  return new Set(documents(mesh).map(({ name }) => name));
}

/**
 * A resource of the control plane's own, checked and labelled like a user's; `undefined` for an unknown kind.
 * @throws Error when the document breaks the rules of its kind: a bug
 */
export function builtIn(
  registry: Registry,
  document: { readonly type: string; readonly name: string } & Readonly<Record<string, unknown>>,
  context: LabelContext,
): NewResource | undefined {
  const kind = registry.byType(document.type);
  if (!kind) return undefined;
  const { resource, violations } = parseResource(kind, document, { unknownFields: "strict" });
  if (!resource) {
    const reasons = violations.map(({ field, reason }) => `${field}: ${reason}`).join("; ");
    throw new Error(`the built-in ${document.type} "${document.name}" is not valid: ${reasons}`);
  }
  return { ...resource, labels: computeLabels(kind, resource, context) };
}
