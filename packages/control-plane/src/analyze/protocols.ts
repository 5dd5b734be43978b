import { contains } from "@skein/policies";
import { instancesOf } from "../explain/instances.ts";
import { trafficProtocol } from "../plan/destinations.ts";
import { type Finding, finding } from "./finding.ts";
import type { Scope } from "./scope.ts";

/** SK0301: HTTP rules about services that speak bytes only. */
export function httpRulesOnBytes({ policies, services }: Scope): readonly Finding[] {
  return policies.flatMap((policy) =>
    (policy.spec.to ?? []).flatMap(({ targetRef, default: conf }, i): readonly Finding[] => {
      const isHttp = typeof conf === "object" && conf !== null && ("http" in conf || "grpc" in conf);
      if (!isHttp || targetRef.kind !== "MeshService") return [];
      return services
        .filter(
          ({ name, labels, spec }) =>
            (targetRef.name === undefined || targetRef.name === name) &&
            contains(labels, targetRef.labels ?? {}) &&
            (spec.ports ?? []).length > 0 &&
            (spec.ports ?? []).every(({ appProtocol }) => trafficProtocol(appProtocol) === "tcp"),
        )
        .map(({ name }) =>
          finding(
            "SK0301",
            policy,
            `spec.to[${i}].default`,
            `MeshService ${name} speaks bytes only, so the HTTP part has no effect`,
          ),
        );
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
