import { select } from "@skein/policies";
import { instancesOf } from "../explain/instances.ts";
import { isCallableKind, isMeant, portsOfSection } from "../plan/callable.ts";
import { speakBytes, trafficProtocol } from "../plan/destinations.ts";
import { selectable } from "../view/selectable.ts";
import { isAboutRequests } from "../warnings/about-requests.ts";
import { type Finding, finding } from "./finding.ts";
import type { Scope } from "./scope.ts";

/** SK0301: HTTP rules about services and inbounds that speak bytes only. */
export function httpRulesOnBytes(scope: Scope): readonly Finding[] {
  return [...toServices(scope), ...onInbounds(scope)];
}

function toServices({ policies, callables }: Scope): readonly Finding[] {
  return policies.flatMap((policy) =>
    (policy.spec.to ?? []).flatMap(({ targetRef, default: conf }, i): readonly Finding[] => {
      const isRoute = policy.type === "MeshHTTPRoute";
      if ((!isRoute && !isAboutRequests(conf)) || !isCallableKind(targetRef.kind)) return [];
      return callables
        .map((each) => ({ ...each, ports: portsOfSection(each, targetRef.sectionName) }))
        .filter((service) => isMeant(targetRef, service) && speakBytes(service.ports))
        .map(({ name }) =>
          finding(
            "SK0301",
            policy,
            `spec.to[${i}].${isRoute ? "rules" : "default"}`,
            `${targetRef.kind} ${name} speaks bytes only, so ${isRoute ? "rules about requests have" : "the HTTP part has"} no effect`,
          ),
        );
    }),
  );
}

function onInbounds({ policies, dataplanes, gateways, plans }: Scope): readonly Finding[] {
  return policies.flatMap((policy) =>
    (policy.spec.rules ?? []).flatMap(({ default: conf }, i): readonly Finding[] => {
      if (!isAboutRequests(conf)) return [];
      const inbounds = dataplanes.flatMap((dataplane) => {
        const chosen = select(policy, selectable(dataplane, gateways));
        const all = plans.get(dataplane.name)?.inbounds ?? [];
        if (chosen.kind === "none") return [];
        return chosen.kind === "proxy" ? all : all.filter(({ section }) => chosen.sections.has(section));
      });
      const isBytes = inbounds.length > 0 && inbounds.every(({ shared }) => shared.protocol === "tcp");
      const path = `spec.rules[${i}].default`;
      const message = "every inbound that it selects speaks bytes only, so the HTTP part has no effect";
      return isBytes ? [finding("SK0301", policy, path, message)] : [];
    }),
  );
}

/** SK0302: the caller's proxy speaks what the called proxy does not expect. */
export function protocolsThatDiffer({ mesh, services }: Scope): readonly Finding[] {
  return services.flatMap((service) =>
    (service.spec.ports ?? []).flatMap(({ port, appProtocol }, i): readonly Finding[] => {
      const wanted = trafficProtocol(appProtocol);
      const odd = instancesOf(mesh, `${service.name}|${port}`).filter(
        ({ inbound }) => (inbound.shared.protocol === "tcp") !== (wanted === "tcp"),
      );
      const [first] = odd;
      if (first === undefined) return [];
      return [
        finding(
          "SK0302",
          service,
          `spec.ports[${i}].appProtocol`,
          `port ${port} is ${appProtocol}, and ${odd.map(({ plan }) => plan.name).join(", ")} takes it as ${first.inbound.shared.protocol}`,
        ),
      ];
    }),
  );
}
