import { type DataplaneResource, formatKri, LABEL, type MeshResource } from "@skein/model";
import { callerTagsHeader, type IdentityPlan, type Naming } from "@skein/policies";
import type { Graph, Readable } from "../../view/graph.ts";
import type { MeshView } from "../../view/mesh-view.ts";
import { type ProxyPolicies, sameSets } from "../../view/policy-set.ts";
import { type DataplaneIdentity, meshMtlsSecrets, TRUST_BUNDLE_SECRET } from "../identities.ts";
import { allowedToLeave, externalServicesIfForbidden } from "../leaving.ts";
import type { NodeFacts } from "../node-facts.ts";
import { meshServicesMode } from "../outbounds/reach.ts";
import type { Redirect } from "../redirect.ts";
import { redirectOf } from "../transparent.ts";
import type { CallerFacts } from "../upstreams.ts";

/** What everything that is planned of one proxy looks at. */
export interface ProxyContext {
  readonly dataplane: DataplaneResource;
  readonly naming: Naming;
  readonly own: DataplaneIdentity;
  readonly certificate: IdentityPlan | undefined;
  readonly redirect: Redirect;
}

/** The policies of a proxy but for those that shape what it calls. */
export type OwnPolicies = Omit<ProxyPolicies, "outbound">;

interface ProxyContextsInputs {
  readonly view: MeshView;
  readonly meshName: string;
  readonly node: { at(dataplane: string): Readable<NodeFacts> };
  readonly identity: { at(dataplane: string): Readable<DataplaneIdentity> };
}

/** Finds out what there is to know of the proxies of a mesh before anything of them is planned. */
export class ProxyContexts {
  readonly #inputs: ProxyContextsInputs;
  readonly #forbidden: ReturnType<typeof externalServicesIfForbidden>;
  /** Apart, so that a policy about calls plans nothing else again. */
  readonly policies: { at(dataplane: string): Readable<OwnPolicies> };

  constructor(graph: Graph, inputs: ProxyContextsInputs) {
    const { view } = inputs;
    this.#inputs = inputs;
    this.#forbidden = externalServicesIfForbidden(graph, view);
    this.policies = graph.family<string, OwnPolicies>((name) => {
      const { outbound: _, ...own } = view.policies.at(name).get();
      return own;
    }, sameOwn);
  }

  of(dataplane: DataplaneResource, mesh: MeshResource): ProxyContext {
    const { meshName, node, identity } = this.#inputs;
    const facts = node.at(dataplane.name).get();
    const exclusive = meshServicesMode(mesh) === "Exclusive";
    const naming: Naming = exclusive && facts.unifiedNaming ? "unified" : "legacy";
    const own = identity.at(dataplane.name).get();
    const certificate = own.current === undefined ? undefined : named(own.current, meshName, naming);
    return { dataplane, naming, own, certificate, redirect: redirectOf(dataplane, facts) };
  }

  /** What others have to know of a proxy that calls them. */
  caller({ dataplane, certificate }: ProxyContext): Pick<CallerFacts, "tags" | "machine" | "mayLeaveTo"> {
    const { view, node } = this.#inputs;
    const { ipv6, systemCaPath } = node.at(dataplane.name).get();
    return {
      tags: view.callerTags.get() ? dataplaneTags(dataplane) : undefined,
      machine: { ipv6, systemCaPath },
      mayLeaveTo: allowedToLeave(this.#forbidden.get(), this.policies.at(dataplane.name).get(), certificate),
    };
  }
}

/** The KRI of a dataplane, or of one of its sections. */
export function dataplaneKri(dataplane: DataplaneResource, section: string): string {
  return formatKri({
    shortName: "dp",
    mesh: dataplane.mesh,
    zone: dataplane.labels[LABEL.zone] ?? "",
    namespace: dataplane.labels[LABEL.kubernetesNamespace] ?? "",
    name: dataplane.labels[LABEL.displayName] || dataplane.name,
    section,
  });
}

function named(identity: IdentityPlan, mesh: string, naming: Naming): IdentityPlan {
  if (identity.kind === "mesh-identity" || naming === "unified") return identity;
  const secrets = meshMtlsSecrets(mesh, naming);
  return {
    ...identity,
    certificateSecret: secrets.certificate,
    validationSecret:
      identity.validationSecret === TRUST_BUNDLE_SECRET ? TRUST_BUNDLE_SECRET : secrets.validation,
  };
}

/** What a proxy says of its tags when it calls. */
function dataplaneTags({ spec }: DataplaneResource): string | undefined {
  const { gateway, inbound } = spec.networking ?? {};
  return callerTagsHeader(
    [gateway, ...(inbound ?? [])].flatMap((each) => (each?.tags === undefined ? [] : [each.tags])),
  );
}

function sameOwn(a: OwnPolicies, b: OwnPolicies): boolean {
  return a.proxy === b.proxy && sameSets(a.inbound, b.inbound) && sameSets(a.gateway, b.gateway);
}
