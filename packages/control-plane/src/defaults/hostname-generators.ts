import type { LabelContext, NewResource, Registry } from "@skein/model";
import { builtIn } from "./default-policies.ts";

interface Generator {
  readonly name: string;
  readonly service: "meshService" | "meshExternalService" | "meshMultiZoneService";
  readonly matchLabels: Readonly<Record<string, string>>;
  readonly template: string;
}

const ORIGIN = "kuma.io/origin";
const ENV = "kuma.io/env";
const HEADLESS = "k8s.kuma.io/is-headless-service";

const ZONE: readonly Generator[] = [
  {
    name: "local-mesh-external-service",
    service: "meshExternalService",
    matchLabels: { [ORIGIN]: "zone" },
    template: "{{ .DisplayName }}.extsvc.mesh.local",
  },
];

/** A zone of its own: nobody sends it the generator that names MeshMultiZoneServices. They have no origin label there. */
const LONE_ZONE: readonly Generator[] = [
  {
    name: "local-mesh-multi-zone-service",
    service: "meshMultiZoneService",
    matchLabels: {},
    template: "{{ .DisplayName }}.mzsvc.mesh.local",
  },
];

const UNIVERSAL_ZONE: readonly Generator[] = [
  {
    name: "local-universal-mesh-service",
    service: "meshService",
    matchLabels: { [ORIGIN]: "zone" },
    template: "{{ .DisplayName }}.svc.mesh.local",
  },
];

const GLOBAL: readonly Generator[] = [
  {
    name: "synced-mesh-multi-zone-service",
    service: "meshMultiZoneService",
    matchLabels: { [ORIGIN]: "global" },
    template: "{{ .DisplayName }}.mzsvc.mesh.local",
  },
  {
    name: "synced-kube-mesh-service",
    service: "meshService",
    matchLabels: { [ORIGIN]: "global", [HEADLESS]: "false", [ENV]: "kubernetes" },
    template: "{{ .DisplayName }}.{{ .Namespace }}.svc.{{ .Zone }}.mesh.local",
  },
  {
    name: "synced-headless-kube-mesh-service",
    service: "meshService",
    matchLabels: { [ORIGIN]: "global", [HEADLESS]: "true", [ENV]: "kubernetes" },
    template:
      '{{ label "statefulset.kubernetes.io/pod-name" }}.{{ label "k8s.kuma.io/service-name" }}.{{ .Namespace }}.svc.{{ .Zone }}.mesh.local',
  },
  {
    name: "synced-universal-mesh-service",
    service: "meshService",
    matchLabels: { [ORIGIN]: "global", [ENV]: "universal" },
    template: "{{ .DisplayName }}.svc.{{ .Zone }}.mesh.local",
  },
  {
    name: "synced-mesh-external-service",
    service: "meshExternalService",
    matchLabels: { [ORIGIN]: "global" },
    template: "{{ .DisplayName }}.extsvc.mesh.local",
  },
];

/** The hostname generators that a control plane starts with. */
export function defaultHostnameGenerators(registry: Registry, context: LabelContext): readonly NewResource[] {
  const { mode, environment, federated } = context;
  const zone = [
    ...ZONE,
    ...(federated ? [] : LONE_ZONE),
    ...(environment === "universal" ? UNIVERSAL_ZONE : []),
  ];
  const wanted = mode === "global" ? GLOBAL : zone;
  return wanted.flatMap(({ name, service, matchLabels, template }) => {
    const spec = { selector: { [service]: { matchLabels } }, template };
    return builtIn(registry, { type: "HostnameGenerator", name, spec }, context) ?? [];
  });
}
