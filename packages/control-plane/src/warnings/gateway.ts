import {
  type DataplaneResource,
  displayName,
  listenerHostname,
  type MeshGatewayListener,
  type MeshGatewayResource,
  type Resource,
} from "@skein/model";
import { contains, gatewayRoutes, type PolicyResource } from "@skein/policies";
import type { Store } from "../store/store.ts";
import { gatewaysOf, isBuiltinGateway, servedListeners } from "../view/gateways.ts";
import { count, examples } from "./sentences.ts";

/** The built-in gateways that serve a MeshGateway, among these others. */
function servingGateways(
  gateway: MeshGatewayResource,
  dataplanes: readonly DataplaneResource[],
  gateways: readonly MeshGatewayResource[],
): readonly DataplaneResource[] {
  const all = [...gateways.filter(({ name }) => name !== gateway.name), gateway];
  return dataplanes.filter((dataplane) => gatewaysOf(dataplane, all)[0] === gateway);
}

/** What a MeshGateway says that comes to nothing, or to less than it says. */
export function meshGatewayWarnings(gateway: MeshGatewayResource, store: Store): readonly string[] {
  const { mesh } = gateway;
  const dataplanes = store.list<DataplaneResource>({ type: "Dataplane", mesh });
  const gateways = store.list<MeshGatewayResource>({ type: "MeshGateway", mesh });
  const selected = dataplanes.filter((dataplane) => gatewaysOf(dataplane, [gateway]).length > 0);
  const serving = servingGateways(gateway, dataplanes, gateways);
  const overruled = selected.filter((dataplane) => !serving.includes(dataplane));
  return [
    ...(selected.length === 0
      ? [
          "selectors: no Dataplane with networking.gateway of type BUILTIN has these tags now, so nothing listens",
        ]
      : []),
    ...(overruled.length > 0
      ? [
          `selectors: another MeshGateway selects ${examples(overruled)} with more tags, or is newer, so this one is not served there`,
        ]
      : []),
    ...(gateway.spec.conf?.listeners ?? []).flatMap((listener, i) =>
      listenerWarnings(
        listener,
        `conf.listeners[${i}]`,
        (secret) => store.get<Resource>({ type: "Secret", mesh, name: secret }) === undefined,
      ),
    ),
  ];
}

function listenerWarnings(
  listener: MeshGatewayListener,
  at: string,
  isMissing: (secret: string) => boolean,
): readonly string[] {
  const { protocol, tls, crossMesh } = listener;
  if (crossMesh === true) {
    return [
      `${at}.crossMesh: gateways that other meshes call are not available in this version, so nothing listens on port ${listener.port}`,
    ];
  }
  const isSecure = protocol === "HTTPS" || protocol === "TLS";
  return [
    ...(tls !== undefined && !isSecure
      ? [`${at}.tls: has no effect with protocol ${protocol}; set HTTPS or TLS`]
      : []),
    ...(protocol === "TCP" && listenerHostname(listener) !== "*"
      ? [`${at}.hostname: has no effect with protocol TCP, whose connections name no host`]
      : []),
    ...(isSecure ? (tls?.certificates ?? []) : []).flatMap(({ secret }, i) =>
      secret !== undefined && isMissing(secret)
        ? [
            `${at}.tls.certificates[${i}]: there is no Secret "${secret}" now, so this certificate is not served`,
          ]
        : [],
    ),
  ];
}

/** Whether a built-in gateway has nothing to listen on. */
export function unselectedGatewayWarnings(dataplane: DataplaneResource, store: Store): readonly string[] {
  const tags = dataplane.spec.networking?.gateway?.tags;
  if (!isBuiltinGateway(dataplane) || tags === undefined) return [];
  const gateways = store.list<MeshGatewayResource>({ type: "MeshGateway", mesh: dataplane.mesh });
  if (gatewaysOf(dataplane, gateways).length > 0) return [];
  return [
    "networking.gateway: no MeshGateway has a selector that matches these tags now, so nothing listens",
  ];
}

/** A MeshGateway at the top of a policy that is not there, has no such listener, or takes none of a route's hosts. */
export function gatewayTargetWarnings(policy: PolicyResource, store: Store): readonly string[] {
  const { targetRef } = policy.spec;
  if (targetRef?.kind !== "MeshGateway") return [];
  const { mesh } = policy;
  const gateway = store
    .list<MeshGatewayResource>({ type: "MeshGateway", mesh })
    .find((each) => each.name === targetRef.name || displayName(each) === targetRef.name);
  if (gateway === undefined) {
    return [`spec.targetRef.name: there is no MeshGateway "${targetRef.name}" now, so this has no effect`];
  }
  const tagged = listenersWithTags(gateway, store).filter(({ tags }) =>
    tags.some((each) => contains(each, targetRef.tags ?? {})),
  );
  if (tagged.length === 0) {
    return [
      `spec.targetRef.tags: no listener of MeshGateway "${gateway.name}" has these tags, so this has no effect`,
    ];
  }
  return policy.type === "MeshHTTPRoute" ? hostnameWarnings(policy, gateway, tagged) : [];
}

interface TaggedListener {
  readonly listener: MeshGatewayListener;
  /** What it has on each proxy that serves it; what the selectors ask for where there is none. */
  readonly tags: readonly Readonly<Record<string, string>>[];
}

function listenersWithTags(gateway: MeshGatewayResource, store: Store): readonly TaggedListener[] {
  const dataplanes = store.list<DataplaneResource>({ type: "Dataplane", mesh: gateway.mesh });
  const served = dataplanes.filter((dataplane) => gatewaysOf(dataplane, [gateway]).length > 0);
  const asked = (gateway.spec.selectors ?? []).map(({ match = {} }) => ({
    spec: { networking: { gateway: { tags: match } } },
  }));
  const all = [...served, ...asked].map((each) => servedListeners(each, gateway));
  return (gateway.spec.conf?.listeners ?? []).map((listener, i) => ({
    listener,
    tags: all.flatMap((listeners) => (listeners[i] === undefined ? [] : [listeners[i].tags])),
  }));
}

function hostnameWarnings(
  policy: PolicyResource,
  gateway: MeshGatewayResource,
  tagged: readonly TaggedListener[],
): readonly string[] {
  const listeners = gateway.spec.conf?.listeners ?? [];
  const asked = tagged
    .filter(({ listener: { protocol } }) => protocol === "HTTP" || protocol === "HTTPS")
    .flatMap(({ listener }) => {
      const onPort = listeners.filter(({ port }) => port === listener.port);
      const names = onPort.map((each) => listenerHostname(each).toLowerCase());
      return gatewayRoutes([policy], listenerHostname(listener).toLowerCase(), names).asked;
    });
  return Array.from(
    Map.groupBy(asked, ({ origin }) => origin.rule),
    ([rule, each]) => ({ rule, each }),
  ).flatMap(({ rule, each }) =>
    each.some(({ isServed }) => isServed)
      ? []
      : [
          `spec.${rule}: no listener of MeshGateway "${gateway.name}" that it selects takes requests for "${each[0]?.hostname}"`,
        ],
  );
}

/** What a MeshGateway leaves behind that is deleted. */
export function deletedGatewayWarnings(gateway: MeshGatewayResource, store: Store): readonly string[] {
  const { mesh } = gateway;
  const gateways = store.list<MeshGatewayResource>({ type: "MeshGateway", mesh });
  const others = gateways.filter(({ name }) => name !== gateway.name);
  const dataplanes = store.list<DataplaneResource>({ type: "Dataplane", mesh });
  const idle = servingGateways(gateway, dataplanes, gateways).filter(
    (dataplane) => gatewaysOf(dataplane, others).length === 0,
  );
  if (idle.length === 0) return [];
  const they = idle.length === 1 ? "listens" : "listen";
  return [`${count(idle.length, "gateway")} ${they} on nothing without it: ${examples(idle)}`];
}

/** The listeners that lose a certificate with a secret. */
export function gatewaysWithout(secret: string, gateways: readonly MeshGatewayResource[]): readonly string[] {
  return gateways.flatMap(({ name, spec }) => {
    const readers = (spec.conf?.listeners ?? []).flatMap(({ tls }, i) =>
      (tls?.certificates ?? []).some((source) => source.secret === secret) ? [`conf.listeners[${i}]`] : [],
    );
    return readers.length === 0
      ? []
      : [
          `MeshGateway "${name}" ${readers.join(", ")} reads it, and its certificate is not served without it`,
        ];
  });
}
