import {
  type DataplaneResource,
  displayName,
  type MeshExternalServiceResource,
  type MeshGatewayResource,
  type MeshIdentityResource,
  type MeshMultiZoneServiceResource,
  type MeshResource,
  type MeshServiceResource,
  type MeshTrustResource,
  type Resource,
  SERVICE_TAG,
} from "@skein/model";
import type { PolicyResource } from "@skein/policies";
import { TAGGED_SERVICE, type TaggedServiceResource } from "../naming/tagged-service.ts";
import { isBuiltinGateway } from "./gateways.ts";
import type { Graph, Input, InputFamily, Readable } from "./graph.ts";
import { NO_POLICIES, type PolicySets, type ProxyPolicies, sameSets } from "./policy-set.ts";
import { ResourceTable } from "./resource-table.ts";
import { sameItems } from "./same-items.ts";
import { egressListeners, selectable } from "./selectable.ts";
import { ServiceMembers } from "./service-members.ts";

/** One mesh's resources, indexed for the questions that planning asks; each answer is an input of the graph. */
export interface MeshView {
  readonly mesh: Readable<MeshResource | undefined>;
  readonly dataplane: { at(name: string): Readable<DataplaneResource | undefined> };
  readonly service: { at(name: string): Readable<MeshServiceResource | undefined> };
  /** Names of all services, sorted. */
  readonly serviceNames: Readable<readonly string[]>;
  /** Names of the services that are known by another name than they are stored under, sorted. */
  readonly renamed: Readable<readonly string[]>;
  readonly externalServices: NamedResources<MeshExternalServiceResource>;
  readonly multiZoneServices: NamedResources<MeshMultiZoneServiceResource>;
  /** Service tags that have an address; see `legacyVip`. */
  readonly taggedServices: NamedResources<TaggedServiceResource>;
  /** Secrets of the mesh as they are stored. */
  readonly secret: { at(name: string): Readable<Resource | undefined> };
  /** What a secret was before its last change, as long as it is there and this process has seen the change. */
  readonly secretBefore: { at(name: string): Readable<Resource | undefined> };
  /** Dataplanes of a service, sorted by name. */
  readonly members: { at(service: string): Readable<readonly DataplaneResource[]> };
  /** Dataplanes with an inbound of a service tag, sorted by name. */
  readonly tagged: { at(service: string): Readable<readonly DataplaneResource[]> };
  /** Dataplanes by which others leave the mesh, sorted by name. */
  readonly egresses: Readable<readonly DataplaneResource[]>;
  /** Sorted by name. */
  readonly gateways: Readable<readonly MeshGatewayResource[]>;
  readonly policies: { at(dataplane: string): Readable<ProxyPolicies> };
  /** Whether some policy tells callers apart by their tags. */
  readonly callerTags: Readable<boolean>;
  /** Sorted by name. */
  readonly identities: Readable<readonly MeshIdentityResource[]>;
  /** Sorted by name. */
  readonly trusts: Readable<readonly MeshTrustResource[]>;
  /** Names of all dataplanes, for what is derived from every one of them. */
  readonly dataplaneSet: Readable<readonly string[]>;
  /** Names of all dataplanes; not an input, for lists and status. */
  dataplaneNames(): readonly string[];
  servicesOf(dataplane: DataplaneResource): readonly string[];
}

/** Resources of one kind. */
export interface NamedResources<R extends Resource> {
  at(name: string): Readable<R | undefined>;
  /** Sorted. */
  readonly names: Readable<readonly string[]>;
}

const NO_DATAPLANES: readonly DataplaneResource[] = [];

/** The indexes of one mesh, updated by change events and never rebuilt. */
export class MeshIndex implements MeshView {
  readonly mesh: Input<MeshResource | undefined>;
  readonly dataplane: InputFamily<string, DataplaneResource | undefined>;
  readonly dataplaneSet: Input<readonly string[]>;
  readonly service: InputFamily<string, MeshServiceResource | undefined>;
  readonly serviceNames: Input<readonly string[]>;
  readonly renamed: Input<readonly string[]>;
  readonly externalServices: ResourceTable<MeshExternalServiceResource>;
  readonly multiZoneServices: ResourceTable<MeshMultiZoneServiceResource>;
  readonly taggedServices: ResourceTable<TaggedServiceResource>;
  readonly secret: ResourceTable<Resource>;
  readonly secretBefore: InputFamily<string, Resource | undefined>;
  readonly members: InputFamily<string, readonly DataplaneResource[]>;
  readonly tagged: InputFamily<string, readonly DataplaneResource[]>;
  readonly egresses: Input<readonly DataplaneResource[]>;
  readonly gateways: Input<readonly MeshGatewayResource[]>;
  readonly policies: InputFamily<string, ProxyPolicies>;
  readonly callerTags: Input<boolean>;
  readonly identities: Input<readonly MeshIdentityResource[]>;
  readonly trusts: Input<readonly MeshTrustResource[]>;

  readonly #isPolicy: (type: string) => boolean;
  readonly #asksForTags: (policy: PolicyResource) => boolean;
  readonly #dataplanes = new Map<string, DataplaneResource>();
  readonly #services = new Map<string, MeshServiceResource>();
  readonly #renamed = new Set<string>();
  readonly #policies = new Map<string, PolicyResource>();
  readonly #sets: PolicySets;
  readonly #members = new ServiceMembers();

  constructor(
    graph: Graph,
    sets: PolicySets,
    isPolicy: (type: string) => boolean,
    asksForTags: (policy: PolicyResource) => boolean,
  ) {
    this.#sets = sets;
    this.#isPolicy = isPolicy;
    this.#asksForTags = asksForTags;
    this.mesh = graph.input<MeshResource | undefined>(undefined);
    this.dataplane = graph.inputs<string, DataplaneResource | undefined>(undefined);
    this.dataplaneSet = graph.input<readonly string[]>([], sameItems);
    this.service = graph.inputs<string, MeshServiceResource | undefined>(undefined);
    this.serviceNames = graph.input<readonly string[]>([], sameItems);
    this.renamed = graph.input<readonly string[]>([], sameItems);
    this.externalServices = new ResourceTable(graph);
    this.multiZoneServices = new ResourceTable(graph);
    this.taggedServices = new ResourceTable(graph);
    this.secret = new ResourceTable(graph);
    this.secretBefore = graph.inputs<string, Resource | undefined>(undefined);
    this.members = graph.inputs<string, readonly DataplaneResource[]>(NO_DATAPLANES, sameItems);
    this.tagged = graph.inputs<string, readonly DataplaneResource[]>(NO_DATAPLANES, sameItems);
    this.egresses = graph.input<readonly DataplaneResource[]>([], sameItems);
    this.gateways = graph.input<readonly MeshGatewayResource[]>([], sameItems);
    this.policies = graph.inputs<string, ProxyPolicies>(NO_POLICIES, samePolicies);
    this.callerTags = graph.input(false);
    this.identities = graph.input<readonly MeshIdentityResource[]>([], sameItems);
    this.trusts = graph.input<readonly MeshTrustResource[]>([], sameItems);
  }

  dataplaneNames(): readonly string[] {
    return [...this.#dataplanes.keys()];
  }

  servicesOf(dataplane: DataplaneResource): readonly string[] {
    return this.#members.servicesOf(dataplane);
  }

  /** Policies of a kind, or all of them. */
  policiesOf(type?: string): readonly PolicyResource[] {
    const all = [...this.#policies.values()];
    return type === undefined ? all : all.filter((policy) => policy.type === type);
  }

  /** Takes in the changes of one batch. */
  apply(
    changes: readonly { readonly before: Resource | undefined; readonly after: Resource | undefined }[],
  ): void {
    const policyChanges: { before: PolicyResource | undefined; after: PolicyResource | undefined }[] = [];
    const touchedServices = new Set<string>();
    const touchedTags = new Set<string>();
    let namesChanged = false;
    let dataplanesChanged = false;
    // First, because they decide which policies select a gateway's listeners.
    this.#gatewaysChanged(changes.filter(({ before, after }) => (after ?? before)?.type === "MeshGateway"));
    for (const { before, after } of changes) {
      const type = (after ?? before)?.type ?? "";
      if (type === "Mesh") this.mesh.set(after as MeshResource | undefined);
      else if (type === "Dataplane") {
        dataplanesChanged ||= (before === undefined) !== (after === undefined);
        this.#dataplane(before, after, touchedServices);
        for (const resource of [before, after]) {
          for (const service of serviceTags(resource as DataplaneResource | undefined))
            touchedTags.add(service);
        }
      } else if (type === "MeshService") {
        namesChanged ||= (before === undefined) !== (after === undefined);
        this.#service(before, after);
        touchedServices.add((after ?? before)?.name ?? "");
      } else if (type === "MeshExternalService") this.externalServices.change(before, after);
      else if (type === "MeshMultiZoneService") this.multiZoneServices.change(before, after);
      else if (type === TAGGED_SERVICE) this.taggedServices.change(before, after);
      else if (type === "Secret") this.#secret(before, after);
      else if (type === "MeshIdentity") this.identities.set(replaced(this.identities.get(), before, after));
      else if (type === "MeshTrust") this.trusts.set(replaced(this.trusts.get(), before, after));
      else if (this.#isPolicy(type)) {
        policyChanges.push({
          before: before as PolicyResource | undefined,
          after: after as PolicyResource | undefined,
        });
      }
    }
    for (const name of touchedServices) this.members.set(name, this.#members.members(name));
    for (const service of touchedTags) this.tagged.set(service, this.#members.tagged(service));
    if (dataplanesChanged) this.dataplaneSet.set([...this.#dataplanes.keys()]);
    if (namesChanged) this.serviceNames.set([...this.#services.keys()].sort());
    if (policyChanges.length > 0) this.#policiesChanged(policyChanges);
  }

  #gatewaysChanged(changes: readonly { before: Resource | undefined; after: Resource | undefined }[]): void {
    if (changes.length === 0) return;
    for (const { before, after } of changes) {
      this.gateways.set(replaced(this.gateways.get(), before, after));
    }
    for (const dataplane of this.#dataplanes.values()) {
      if (isBuiltinGateway(dataplane)) this.#selectPolicies(dataplane);
    }
  }

  #selectPolicies(dataplane: DataplaneResource): void {
    const proxy = selectable(dataplane, this.gateways.get());
    this.policies.set(dataplane.name, this.#sets.forProxy(proxy, this.#policies.values()));
  }

  #secret(before: Resource | undefined, after: Resource | undefined): void {
    this.secret.change(before, after);
    this.secretBefore.set((after ?? before)?.name ?? "", after === undefined ? undefined : before);
  }

  #dataplane(before: Resource | undefined, after: Resource | undefined, touched: Set<string>): void {
    const [old, now] = [before as DataplaneResource | undefined, after as DataplaneResource | undefined];
    for (const service of this.#members.dataplaneChanged(old, now)) touched.add(service);
    if ([old, now].some((each) => each !== undefined && egressListeners(each).length > 0)) {
      const isEgress = now !== undefined && egressListeners(now).length > 0;
      this.egresses.set(replaced(this.egresses.get(), old, isEgress ? now : undefined));
    }
    if (now === undefined) {
      if (old === undefined) return;
      this.#dataplanes.delete(old.name);
      this.dataplane.set(old.name, undefined);
      this.policies.set(old.name, NO_POLICIES);
      return;
    }
    this.#dataplanes.set(now.name, now);
    this.dataplane.set(now.name, now);
    this.#selectPolicies(now);
  }

  #service(before: Resource | undefined, after: Resource | undefined): void {
    const [old, now] = [before as MeshServiceResource | undefined, after as MeshServiceResource | undefined];
    this.#members.serviceChanged(old, now);
    if (now !== undefined) this.#services.set(now.name, now);
    else if (old !== undefined) this.#services.delete(old.name);
    const name = (now ?? old)?.name ?? "";
    this.service.set(name, now);
    const isRenamed = now !== undefined && displayName(now) !== now.name;
    if (isRenamed !== this.#renamed.has(name)) {
      if (isRenamed) this.#renamed.add(name);
      else this.#renamed.delete(name);
      this.renamed.set([...this.#renamed].sort());
    }
  }

  /** Each dataplane's sets change by what has changed: no other policy is looked at. */
  #policiesChanged(
    changes: readonly {
      readonly before: PolicyResource | undefined;
      readonly after: PolicyResource | undefined;
    }[],
  ): void {
    const changed = new Map<string, PolicyResource | undefined>();
    for (const { before, after } of changes) {
      for (const [policy, now] of [
        [before, undefined],
        [after, after],
      ] as const) {
        if (policy !== undefined) changed.set(`${policy.type}/${policy.name}`, now);
      }
    }
    for (const [key, policy] of changed) {
      if (policy === undefined) this.#policies.delete(key);
      else this.#policies.set(key, policy);
    }
    if (changes.some(({ before, after }) => this.#asks(before) || this.#asks(after))) {
      this.callerTags.set([...this.#policies.values()].some((policy) => this.#asks(policy)));
    }
    const change = this.#sets.changing(changed);
    for (const dataplane of this.#dataplanes.values()) {
      const before = this.policies.at(dataplane.name).get();
      this.policies.set(dataplane.name, change.of(selectable(dataplane, this.gateways.get()), before));
    }
  }

  #asks(policy: PolicyResource | undefined): boolean {
    return policy !== undefined && policy.labels["kuma.io/effect"] !== "shadow" && this.#asksForTags(policy);
  }
}

function serviceTags(dataplane: DataplaneResource | undefined): readonly string[] {
  return (dataplane?.spec.networking?.inbound ?? []).flatMap(({ tags }) => tags?.[SERVICE_TAG] ?? []);
}

function replaced<R extends Resource>(
  list: readonly R[],
  before: Resource | undefined,
  after: Resource | undefined,
): readonly R[] {
  const rest = list.filter(({ name }) => name !== (after ?? before)?.name);
  if (after !== undefined) rest.push(after as R);
  return rest.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function samePolicies(a: ProxyPolicies, b: ProxyPolicies): boolean {
  if (a === b) return true;
  return (
    a.outbound === b.outbound &&
    a.proxy === b.proxy &&
    sameSets(a.inbound, b.inbound) &&
    sameSets(a.gateway, b.gateway)
  );
}
