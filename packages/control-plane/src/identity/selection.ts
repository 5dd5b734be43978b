import {
  DEFAULT_KUBERNETES_PATH_TEMPLATE,
  DEFAULT_TRUST_DOMAIN_TEMPLATE,
  DEFAULT_UNIVERSAL_PATH_TEMPLATE,
  type MeshIdentitySpec,
} from "@skein/model/kinds/mesh-identity";
import { formatSpiffeId, spiffeIdProblem, trustDomainProblem } from "@skein/model/spiffe";
import { renderTemplate, templateLabels, templateVariables } from "@skein/model/template";
import { failure, type Outcome, success } from "./outcome.ts";

/** A MeshIdentity, as far as it chooses proxies and names them. */
export interface IdentitySelector {
  readonly name: string;
  readonly mesh: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: Pick<MeshIdentitySpec, "selector" | "spiffeID">;
}

/** What names are made with besides the identity and the proxy, the same for a whole control plane. */
export interface NamingContext {
  /** The zone of identities that carry no label `kuma.io/zone`. */
  readonly zone: string;
  readonly environment: "universal" | "kubernetes";
}

/** The labels of a Dataplane that a path's variables stand for. */
const variableLabels = {
  Namespace: "k8s.kuma.io/namespace",
  ServiceAccount: "k8s.kuma.io/service-account",
  Workload: "kuma.io/workload",
} as const;

/** The identities that select a proxy with these labels, best first: most labels asked for, then the smallest name. */
export function matchingIdentities<Identity extends IdentitySelector>(
  identities: readonly Identity[],
  labels: Readonly<Record<string, string>>,
): readonly Identity[] {
  return identities
    .flatMap((identity) => {
      const wanted = identity.spec.selector?.dataplane;
      if (wanted === undefined) return [];
      const entries = Object.entries(wanted.matchLabels ?? {});
      return entries.every(([key, value]) => labels[key] === value)
        ? [{ identity, size: entries.length }]
        : [];
    })
    .sort((one, other) => other.size - one.size || (one.identity.name < other.identity.name ? -1 : 1))
    .map(({ identity }) => identity);
}

/** The identity that a proxy with these labels gets. */
export function bestIdentity<Identity extends IdentitySelector>(
  identities: readonly Identity[],
  labels: Readonly<Record<string, string>>,
): Identity | undefined {
  return matchingIdentities(identities, labels)[0];
}

/** The trust domain of an identity. */
export function trustDomainOf(context: NamingContext, identity: IdentitySelector): Outcome<string, string> {
  const variables = { Mesh: identity.mesh, Zone: identity.labels["kuma.io/zone"] ?? context.zone };
  const template = identity.spec.spiffeID?.trustDomain ?? DEFAULT_TRUST_DOMAIN_TEMPLATE;
  const domain = renderTemplate(template, variables, (key) => identity.labels[key]);
  if (!domain.ok) return failure(`spec.spiffeID.trustDomain: ${domain.error}`);
  const problem = trustDomainProblem(domain.value);
  if (problem === undefined) return domain;
  return failure(`spec.spiffeID.trustDomain gives "${domain.value}": ${problem}`);
}

/** The SPIFFE id that an identity gives to a proxy with these labels. A label that it needs and misses is an error. */
export function spiffeIdOf(
  context: NamingContext,
  identity: IdentitySelector,
  labels: Readonly<Record<string, string>>,
): Outcome<string, string> {
  const trustDomain = trustDomainOf(context, identity);
  if (!trustDomain.ok) return trustDomain;
  const template = pathTemplate(context, identity);
  const used = new Set(templateVariables(template));
  const variables: Record<string, string> = { TrustDomain: trustDomain.value };
  for (const [variable, label] of Object.entries(variableLabels)) {
    const value = labels[label];
    if (value === undefined && used.has(variable)) {
      return failure(`spec.spiffeID.path: the proxy has no label ${label}, which .${variable} stands for`);
    }
    variables[variable] = value ?? "";
  }
  const path = renderTemplate(template, variables, (key) => labels[key]);
  if (!path.ok) return failure(`spec.spiffeID.path: ${path.error}`);
  const id = formatSpiffeId({ trustDomain: trustDomain.value, path: path.value });
  const problem = path.value.startsWith("/") ? spiffeIdProblem(id) : "path must start with '/'";
  return problem === undefined
    ? success(id)
    : failure(`spec.spiffeID.path gives "${path.value}": ${problem}`);
}

/** Whether the SPIFFE ids of an identity depend on the workload label: then tokens must be bound to a workload. */
export function usesWorkload(context: NamingContext, identity: IdentitySelector): boolean {
  const template = pathTemplate(context, identity);
  return (
    templateVariables(template).includes("Workload") ||
    templateLabels(template).includes(variableLabels.Workload)
  );
}

function pathTemplate(context: NamingContext, identity: IdentitySelector): string {
  const standard = {
    universal: DEFAULT_UNIVERSAL_PATH_TEMPLATE,
    kubernetes: DEFAULT_KUBERNETES_PATH_TEMPLATE,
  };
  return identity.spec.spiffeID?.path ?? standard[context.environment];
}
