import {
  type DataplaneResource,
  enabledMtlsBackend,
  formatKri,
  LABEL,
  type MeshIdentityResource,
} from "@skein/model";
import type { IdentityPlan, Naming } from "@skein/policies";
import { legacyUris } from "../identity/legacy-uris.ts";
import { matchingIdentities, type NamingContext, spiffeIdOf } from "../identity/selection.ts";
import type { Graph, Readable } from "../view/graph.ts";
import type { MeshView } from "../view/mesh-view.ts";

/**
 * How far the proxies of one issuer (a MeshIdentity, or a backend of the Mesh) have got. Each stage begins when every
 * connected proxy has acknowledged the one before, so that switching identities under traffic loses no request:
 * `announced`: everybody trusts the new certificates and expects the new ids; `serving`: certificates are in use, and
 * servers take TLS beside what they took before; `calling`: clients use TLS; `enforced`: servers take nothing else.
 */
export type IdentityStage = "announced" | "serving" | "calling" | "enforced";

const STAGES: readonly IdentityStage[] = ["announced", "serving", "calling", "enforced"];

/** Whether a stage is at least another. */
export function hasReached(stage: IdentityStage | undefined, wanted: IdentityStage): boolean {
  return stage !== undefined && STAGES.indexOf(stage) >= STAGES.indexOf(wanted);
}

/** How an inbound recognises callers: by the tags in certificates of the mesh's own CA, by SPIFFE id, or by either. */
export type CallerModel = "tags" | "identity" | "either";

/** A certificate that a proxy should hold. */
export interface WantedCertificate {
  readonly issuer: string;
  readonly uris: readonly string[];
  /** Names under which proxies ask for it. */
  readonly secrets: readonly string[];
}

/** The identity of one dataplane, now and in the making. */
export interface DataplaneIdentity {
  /** What it presents now. */
  readonly current: IdentityPlan | undefined;
  /** The certificates it should hold, including one that it is about to present. */
  readonly certificates: readonly WantedCertificate[];
  /** Every id that it presents now or may present soon: what its clients must expect. */
  readonly ids: readonly string[];
  /** Its clients may use mesh TLS. */
  readonly acceptsTls: boolean;
  /** Plaintext must still be let in: clients are being switched. */
  readonly inTransition: boolean;
  /** By which kind of id its callers are recognised: both while certificates are being switched. */
  readonly callers: CallerModel | undefined;
  /** Why it has no identity where it should have one. */
  readonly problem: string | undefined;
}

export interface IdentityInputs {
  readonly view: MeshView;
  readonly meshName: string;
  readonly zone: string;
  /** Stage of an issuer; absent while the issuer is not ready. */
  readonly stage: { at(issuer: string): Readable<IdentityStage | undefined> };
}

/** KRI of a MeshIdentity. */
export function meshIdentityKri(identity: MeshIdentityResource): string {
  return formatKri({
    shortName: "mid",
    mesh: identity.mesh,
    zone: identity.labels[LABEL.zone] ?? "",
    namespace: identity.labels[LABEL.kubernetesNamespace] ?? "",
    name: identity.labels[LABEL.displayName] || identity.name,
    section: "",
  });
}

/** Names of the SDS secrets of the mesh's own CA. */
export function meshMtlsSecrets(mesh: string, naming: Naming): { certificate: string; validation: string } {
  return naming === "unified"
    ? { certificate: `system_mtls_identity_${mesh}`, validation: `system_mtls_ca_${mesh}` }
    : { certificate: `identity_cert:secret:${mesh}`, validation: `mesh_ca:secret:${mesh}` };
}

/** Name of the SDS secret with the bundles of all MeshTrusts. */
export const TRUST_BUNDLE_SECRET = "system_trust_bundle";

/** Issuer key of the backend that a Mesh has enabled. */
export function mtlsIssuer(mesh: string, backend: string): string {
  return `mtls/${mesh}/${backend}`;
}

/** The identity of each dataplane of a mesh, by name. */
export function dataplaneIdentities(
  graph: Graph,
  inputs: IdentityInputs,
): { at(dataplane: string): Readable<DataplaneIdentity> } {
  const { view, meshName, zone, stage } = inputs;
  const context: NamingContext = { zone, environment: "universal" };
  return graph.family<string, DataplaneIdentity>((name) => {
    const dataplane = view.dataplane.at(name).get();
    if (dataplane === undefined) return NO_IDENTITY;
    const mesh = view.mesh.get();
    const backend = mesh === undefined ? undefined : enabledMtlsBackend(mesh.spec);
    const mtlsKey = mtlsIssuer(meshName, backend?.name ?? "");
    const mtlsStage = backend === undefined ? undefined : stage.at(mtlsKey).get();
    const mtlsNames = mtlsStage === undefined ? undefined : mtlsUris(dataplane);
    const mtlsIds = mtlsNames?.ok === true ? mtlsNames.value : [];
    const candidates = matchingIdentities(view.identities.get(), dataplane.labels).map((identity) => ({
      issuer: meshIdentityKri(identity),
      // Without a provider an identity gives out ids only, and certificates come from somewhere else.
      givesIds: identity.spec.provider === undefined,
      stage: stage.at(meshIdentityKri(identity)).get(),
      id: spiffeIdOf(context, identity, dataplane.labels),
    }));
    const known = candidates.flatMap(({ issuer, givesIds, stage: reached, id }) =>
      id.ok && (givesIds || reached !== undefined) ? [{ issuer, stage: reached, id: id.value }] : [],
    );
    const ids = [
      ...mtlsIds.filter((uri) => uri.startsWith("spiffe://")),
      ...known.map(({ id }) => id),
    ].sort();
    const issuing = known.filter((each) => each.stage !== undefined);
    // A better identity that is still being announced must not take away the one in use.
    const inUse = issuing.find((each) => hasReached(each.stage, "serving"));
    const upcoming = issuing[0];
    const certificates: WantedCertificate[] = [...new Set([upcoming, inUse])].flatMap((each) =>
      each === undefined ? [] : [{ issuer: each.issuer, uris: [each.id], secrets: [each.issuer] }],
    );
    if (mtlsIds.length > 0) {
      const secrets = (["unified", "legacy"] as const).map(
        (naming) => meshMtlsSecrets(meshName, naming).certificate,
      );
      certificates.push({ issuer: mtlsKey, uris: mtlsIds, secrets });
    }
    const mtlsReady = mtlsIds.length > 0 && hasReached(mtlsStage, "serving");
    const reached = (wanted: IdentityStage): boolean =>
      (mtlsReady && hasReached(mtlsStage, wanted)) || issuing.some((each) => hasReached(each.stage, wanted));
    const isReplacing = mtlsReady && !issuing.some((each) => each.stage === "enforced");
    const problem = [...candidates.slice(0, 1).map(({ id }) => id), mtlsNames].flatMap((names) =>
      names === undefined || names.ok ? [] : [names.error],
    )[0];
    const common = { certificates, ids, acceptsTls: reached("calling"), inTransition: !reached("enforced") };
    if (inUse !== undefined) {
      return {
        ...common,
        current: {
          kind: "mesh-identity",
          issuer: inUse.issuer,
          uris: [inUse.id],
          certificateSecret: inUse.issuer,
          validationSecret: TRUST_BUNDLE_SECRET,
        },
        callers: isReplacing ? "either" : "identity",
        problem,
      };
    }
    if (!mtlsReady) {
      return { ...NO_IDENTITY, certificates, ids, problem };
    }
    const secrets = meshMtlsSecrets(meshName, "unified");
    return {
      ...common,
      current: {
        kind: "mesh-mtls",
        issuer: mtlsKey,
        uris: mtlsIds,
        certificateSecret: secrets.certificate,
        validationSecret: view.trusts.get().length > 0 ? TRUST_BUNDLE_SECRET : secrets.validation,
      },
      callers: upcoming === undefined ? "tags" : "either",
      problem,
    };
  }, sameIdentity);
}

function mtlsUris(dataplane: DataplaneResource) {
  const networking = dataplane.spec.networking;
  const tags: Record<string, string[]> = {};
  for (const set of [
    ...(networking?.inbound ?? []).map((inbound) => inbound.tags),
    networking?.gateway?.tags,
  ]) {
    for (const [tag, value] of Object.entries(set ?? {})) {
      tags[tag] ??= [];
      tags[tag].push(value);
    }
  }
  return legacyUris({ mesh: dataplane.mesh, tags, labels: dataplane.labels });
}

const NO_IDENTITY: DataplaneIdentity = {
  current: undefined,
  certificates: [],
  ids: [],
  acceptsTls: false,
  inTransition: false,
  callers: undefined,
  problem: undefined,
};

function sameIdentity(a: DataplaneIdentity, b: DataplaneIdentity): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The trust domains that peers of this mesh may belong to, sorted. */
export function trustDomains(view: MeshView, meshName: string): readonly string[] {
  const domains = new Set(view.trusts.get().map(({ spec }) => spec.trustDomain));
  const mesh = view.mesh.get();
  if (mesh !== undefined && enabledMtlsBackend(mesh.spec) !== undefined) domains.add(meshName);
  return [...domains].sort();
}
