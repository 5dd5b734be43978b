import type { DataplaneResource, MeshGatewayResource } from "@skein/model";
import { displayName } from "@skein/model";
import { type PolicyResource, select } from "@skein/policies";
import { outboundEntries } from "@skein/policies/engine/rules";
import type { InboundPlan } from "@skein/policies/plan/inbound-plan";
import type { ProxyPlan } from "@skein/policies/plan/proxy-plan";
import { isRecord } from "../insights/fields.ts";
import { selectable } from "../view/selectable.ts";
import type { ApiDeps } from "./deps.ts";

/**
 * What policies of a kind say of requests where this proxy has none, because the service or the inbound speaks bytes: it
 * is in no plan, so it would be nowhere. What is said of the whole mesh is not meant for these in particular.
 */
export function rulesWarnings(deps: ApiDeps, plan: ProxyPlan, type: string): readonly string[] {
  const { mesh } = plan;
  const dataplane = deps.store.get({ type: "Dataplane", mesh, name: plan.name });
  if (dataplane === undefined) return [];
  const gateways = deps.store.list({ type: "MeshGateway", mesh }) as readonly MeshGatewayResource[];
  const proxy = selectable(dataplane as DataplaneResource, gateways);
  return (deps.store.list({ type, mesh }) as readonly PolicyResource[]).flatMap((policy) => {
    const selection = select(policy, proxy);
    if (selection.kind === "none" || selection.kind === "gateway") return [];
    const inbounds = plan.inbounds.filter(
      ({ section }) => selection.kind === "proxy" || selection.sections.has(section),
    );
    const calls = selection.kind === "proxy" || selection.outbounds;
    return [...(calls ? ofCalls(plan, policy) : []), ...ofInbounds(inbounds, policy)];
  });
}

function ofCalls({ outbounds }: ProxyPlan, policy: PolicyResource): readonly string[] {
  const isRoute = policy.type === "MeshHTTPRoute";
  return outbounds
    .filter(({ upstream: { destination } }) => destination.protocol === "tcp")
    .flatMap(({ upstream: { destination } }) =>
      outboundEntries([policy], destination)
        .filter(({ target, conf }) => target.kind !== "Mesh" && (isRoute || isAboutRequests(conf)))
        .map(({ index }) => {
          const part = isRoute ? "its rules have" : "its HTTP part has";
          const remedy =
            destination.kind === "MeshExternalService" ? "set match.protocol" : "set appProtocol on its port";
          return `${displayName(policy)} to[${index}]: ${displayName(destination)}:${destination.port} speaks tcp only, so ${part} no effect; ${remedy}`;
        }),
    );
}

function ofInbounds(inbounds: readonly InboundPlan[], policy: PolicyResource): readonly string[] {
  const isForMesh = (policy.spec.targetRef?.kind ?? "Mesh") === "Mesh";
  const isBytes = inbounds.length > 0 && inbounds.every(({ shared }) => shared.protocol === "tcp");
  if (isForMesh || !isBytes) return [];
  const sections = inbounds.map(({ section }) => section).join(", ");
  return (policy.spec.rules ?? []).flatMap(({ default: conf }, i) =>
    isAboutRequests(conf)
      ? [
          `${displayName(policy)} rules[${i}]: inbound ${sections} speaks tcp only, so its HTTP part has no effect; set its protocol`,
        ]
      : [],
  );
}

function isAboutRequests(conf: unknown): boolean {
  if (!isRecord(conf)) return false;
  return "http" in conf || "grpc" in conf || (isRecord(conf.local) && "http" in conf.local);
}
