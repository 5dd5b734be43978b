import type { Resource } from "@skein/model";
import { type PolicyDefinition, type PolicyPlans, type ProxyPlan, policies } from "@skein/policies";
import { ADMIN_SECRETS } from "../envoy/admin.ts";
import { CommonOutbounds } from "../envoy/common-outbounds.ts";
import { proxyConfig, sameConfig } from "../envoy/proxy-config.ts";
import { authoritiesSecret, certificateSecret, trustBundleSecret } from "../envoy/secrets.ts";
import { Translator } from "../envoy/translator.ts";
import { getOrMake } from "../get-or-make.ts";
import { trustBundle } from "../identity/mesh-trust.ts";
import type { Outcome } from "../identity/outcome.ts";
import { secretText } from "../identity/secrets.ts";
import { createSecretsCipher } from "../identity/secrets-cipher.ts";
import { externalMaterial, isExternalSecret } from "../plan/external-secrets.ts";
import { gatewayCertificate, isGatewaySecret } from "../plan/gateways/certificates.ts";
import { type IdentityStage, meshMtlsSecrets, TRUST_BUNDLE_SECRET } from "../plan/identities.ts";
import { type MeshPlanner, meshPlanner } from "../plan/mesh-planner.ts";
import { type NodeFacts, sameFacts, UNKNOWN_NODE } from "../plan/node-facts.ts";
import type { Change } from "../store/store.ts";
import { Graph, type Input, type InputFamily, type Readable } from "../view/graph.ts";
import { MeshIndex } from "../view/mesh-view.ts";
import { PolicySets, policyReach } from "../view/policy-set.ts";
import { sameItems } from "../view/same-items.ts";
import type { Fragment, ProxyConfig } from "../xds/fragment.ts";
import { FragmentTable } from "../xds/fragment-table.ts";

/** Reads what is stored in clear, and writes nothing. */
const NO_KEYS = createSecretsCipher([], (length) => new Uint8Array(length));

/** A workload certificate in the form in which it reaches a proxy. */
export interface IssuedCertificate {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

/** Everything that is derived for one mesh, and the inputs that do not come from resources. */
export interface MeshWorld {
  readonly name: string;
  readonly index: MeshIndex;
  readonly planner: MeshPlanner;
  readonly config: { at(dataplane: string): Readable<ProxyConfig | undefined> };
  /** What a proxy would hold if policies said this of it as a whole. */
  readonly configWith: (dataplane: string, policies: PolicyPlans) => ProxyConfig | undefined;
  readonly node: InputFamily<string, NodeFacts>;
  /** By issuer: KRI of a MeshIdentity, or `mtls/<mesh>/<backend>`. */
  readonly stage: InputFamily<string, IdentityStage | undefined>;
  /** By dataplane and secret name. */
  readonly certificate: {
    set(dataplane: string, secret: string, value: IssuedCertificate | undefined): void;
    /** Those that are there, encoded. */
    readonly all: InputFamily<string, Fragment | undefined>;
  };
  /** Root certificates of the mesh's own CA, while it has one. */
  readonly mtlsRoots: Input<readonly string[]>;
}

export interface WorldOptions {
  readonly zone: string;
  readonly definitions?: readonly PolicyDefinition[];
  readonly table?: FragmentTable;
  /** Transparent proxies that list nothing get what MeshTrafficPermissions let them call. */
  readonly autoReachable?: boolean;
  /** Port at which every service tag answers at its address; default 80. */
  readonly serviceVipPort?: number;
  /** The text of a secret as it is stored, or why it cannot be read; those in clear where nothing is said. */
  readonly openSecret?: (secret: Resource) => Outcome<string, string>;
}

/** The whole pure part of the control plane: resources and a few facts in, configurations out. */
export class World {
  readonly graph = new Graph();
  readonly translator: Translator;
  /** Roots of the certificate with which the control plane calls Envoy's admin interface. */
  readonly adminAuthority: Input<Fragment | undefined>;
  readonly #table: FragmentTable;
  readonly #zone: string;
  readonly #autoReachable: boolean;
  readonly #serviceVipPort: number;
  readonly #openSecret: (secret: Resource) => Outcome<string, string>;
  readonly #definitions: readonly PolicyDefinition[];
  readonly #policyTypes: ReadonlySet<string>;
  readonly #sets: PolicySets;
  readonly #meshes = new Map<string, MeshWorld>();

  constructor(options: WorldOptions) {
    this.#zone = options.zone;
    this.#autoReachable = options.autoReachable ?? false;
    this.#serviceVipPort = options.serviceVipPort ?? 80;
    this.#openSecret = options.openSecret ?? secretText(NO_KEYS);
    this.#definitions = options.definitions ?? policies;
    this.#sets = new PolicySets(policyReach(this.#definitions));
    this.#policyTypes = new Set(this.#definitions.map(({ kind }) => kind.type));
    this.adminAuthority = this.graph.input<Fragment | undefined>(undefined);
    this.#table = options.table ?? new FragmentTable();
    this.translator = new Translator(this.#definitions, this.#table);
  }

  /**
   * A world without resources in which the same facts hold of these meshes. Equal fragments of both worlds are the same
   * object, so they can be compared as two configurations of one world can. Nothing that is done to it shows here.
   */
  sibling(meshes: Iterable<string>): World {
    const other = new World({
      zone: this.#zone,
      definitions: this.#definitions,
      table: this.#table,
      autoReachable: this.#autoReachable,
      serviceVipPort: this.#serviceVipPort,
      openSecret: this.#openSecret,
    });
    other.adminAuthority.set(this.adminAuthority.get());
    for (const name of meshes) {
      const from = this.#meshes.get(name);
      if (from === undefined) continue;
      const to = other.mesh(name);
      to.mtlsRoots.set(from.mtlsRoots.get());
      for (const [key, value] of from.node.entries()) to.node.set(key, value);
      for (const [key, value] of from.stage.entries()) to.stage.set(key, value);
      for (const [key, value] of from.certificate.all.entries()) to.certificate.all.set(key, value);
    }
    return other;
  }

  meshNames(): readonly string[] {
    return [...this.#meshes.keys()];
  }

  /** A mesh is there as soon as somebody asks for it; without a Mesh resource its plans are empty. */
  mesh(name: string): MeshWorld {
    return getOrMake(this.#meshes, name, () => this.#makeMesh(name));
  }

  /** Sets the CA of the admin interface. */
  setAdminAuthority(pem: string): void {
    this.adminAuthority.set(this.translator.secret(authoritiesSecret(ADMIN_SECRETS.validation, [pem])));
  }

  /** Takes in committed changes. Cheap: nothing is computed before somebody asks. */
  apply(changes: readonly Pick<Change, "before" | "after">[]): void {
    const byMesh = Map.groupBy(changes, ({ before, after }) => {
      const resource = after ?? before;
      return resource?.type === "Mesh" ? resource.name : (resource?.mesh ?? "");
    });
    for (const [name, list] of byMesh) if (name !== "") this.mesh(name).index.apply(list);
  }

  #makeMesh(name: string): MeshWorld {
    const { graph, translator, adminAuthority } = this;
    const index = new MeshIndex(
      graph,
      this.#sets,
      (type) => this.#policyTypes.has(type),
      (policy) =>
        this.#definitions.some((each) => each.kind.type === policy.type && each.callerTags?.(policy)),
    );
    const node = graph.inputs<string, NodeFacts>(UNKNOWN_NODE, sameFacts);
    const stage = graph.inputs<string, IdentityStage | undefined>(undefined);
    const mtlsRoots = graph.input<readonly string[]>([], sameItems);
    const planner = meshPlanner(graph, {
      view: index,
      meshName: name,
      zone: this.#zone,
      definitions: this.#definitions,
      autoReachable: this.#autoReachable,
      serviceVipPort: this.#serviceVipPort,
      stage,
      node,
      openSecret: this.#openSecret,
    });
    const external = graph.family<string, Fragment | undefined>((secret) => {
      const inputs = { view: index, meshName: name, openSecret: this.#openSecret };
      const found = externalMaterial(inputs, secret);
      if (!found.ok) return undefined;
      const material = found.value;
      return translator.secret(
        material.kind === "authorities"
          ? authoritiesSecret(secret, [material.pem])
          : certificateSecret(secret, material.certificatePem, material.privateKeyPem),
      );
    });
    const gatewayCertificates = graph.family<string, Fragment | undefined>((secret) => {
      const inputs = { view: index, meshName: name, openSecret: this.#openSecret };
      const found = gatewayCertificate(inputs, secret);
      if (!found.ok) return undefined;
      const { certificatePem, privateKeyPem } = found.value;
      return translator.secret(certificateSecret(secret, certificatePem, privateKeyPem));
    });
    const certificates = graph.inputs<string, Fragment | undefined>(undefined);
    const trust = graph.derived(() => {
      const roots = mtlsRoots.get();
      const bundle = trustBundle(
        index.trusts.get().map(({ spec }) => spec),
        roots.length === 0 ? undefined : { mesh: name, caPems: roots },
      );
      return bundle.length === 0
        ? undefined
        : translator.secret(trustBundleSecret(TRUST_BUNDLE_SECRET, bundle));
    });
    const authorities = graph.family<string, Fragment | undefined>((secret) => {
      const roots = mtlsRoots.get();
      return roots.length === 0 ? undefined : translator.secret(authoritiesSecret(secret, roots));
    });
    const validationNames = new Set([
      meshMtlsSecrets(name, "unified").validation,
      meshMtlsSecrets(name, "legacy").validation,
    ]);
    const common = new CommonOutbounds(graph, translator, planner.endpoints);
    const configOf = (dataplane: string, plan: ProxyPlan): ProxyConfig => {
      const { reusePort } = node.at(dataplane).get();
      const { shared } = planner.outbounds.at(dataplane).get();
      return proxyConfig(translator, {
        plan,
        common: shared && common.of(shared, reusePort, translator.patch(plan.policies)),
        endpoints: (target, view) => planner.endpoints.at(target, view).get(),
        secret: (secret) => {
          if (secret === TRUST_BUNDLE_SECRET) return trust.get();
          if (secret === ADMIN_SECRETS.validation) return adminAuthority.get();
          if (isGatewaySecret(secret)) return gatewayCertificates.at(secret).get();
          if (isExternalSecret(secret)) return external.at(secret).get();
          if (validationNames.has(secret)) return authorities.at(secret).get();
          return certificates.at(`${dataplane} ${secret}`).get();
        },
        reusePort,
      });
    };
    const config = graph.family<string, ProxyConfig | undefined>((dataplane) => {
      const plan = planner.plan.at(dataplane).get();
      return plan === undefined ? undefined : configOf(dataplane, plan);
    }, sameConfig);
    return {
      name,
      index,
      planner,
      config,
      configWith: (dataplane, policies) => {
        const plan = planner.plan.at(dataplane).get();
        return plan && configOf(dataplane, { ...plan, policies });
      },
      node,
      stage,
      mtlsRoots,
      certificate: {
        all: certificates,
        set: (dataplane, secret, value) =>
          certificates.set(
            `${dataplane} ${secret}`,
            value === undefined
              ? undefined
              : translator.secret(certificateSecret(secret, value.certificatePem, value.privateKeyPem)),
          ),
      },
    };
  }
}
