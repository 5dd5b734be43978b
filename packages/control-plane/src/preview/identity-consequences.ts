import {
  enabledMtlsBackend,
  type MeshIdentityResource,
  type MeshResource,
  type MeshTrustResource,
} from "@skein/model";
import { certificateSecret } from "../envoy/secrets.ts";
import { createCa } from "../identity/ca.ts";
import { desiredMeshTrust } from "../identity/mesh-trust.ts";
import { trustDomainOf } from "../identity/selection.ts";
import type { RandomBytes } from "../identity/x509/serial.ts";
import type { World } from "../pipeline/world.ts";
import { meshIdentityKri, mtlsIssuer } from "../plan/identities.ts";
import type { Store } from "../store/store.ts";

export interface IdentityEnvironment {
  readonly zone: string;
  readonly now: () => number;
  readonly random: RandomBytes;
}

/**
 * Takes a world to where the control plane's own work on identities ends after a change: issuers that are new are rolled
 * out, those that are gone are not used any more. CAs of new issuers are made up and thrown away. Answers with sentences
 * about what it assumed.
 */
export async function foreseeIdentities(
  world: World,
  mesh: string,
  draft: Store,
  environment: IdentityEnvironment,
): Promise<readonly string[]> {
  const { stage, mtlsRoots } = world.mesh(mesh);
  const resource = draft.get<MeshResource>({ type: "Mesh", mesh: "", name: mesh });
  const wanted = new Set<string>();
  const notes: string[] = [];
  const begin = (issuer: string, what: string): void => {
    stage.set(issuer, "enforced");
    notes.push(`${what} is new: this is how things are when its rollout has ended`);
  };
  const backend = resource === undefined ? undefined : enabledMtlsBackend(resource.spec);
  if (backend === undefined) mtlsRoots.set([]);
  else {
    const issuer = mtlsIssuer(mesh, backend.name ?? "");
    wanted.add(issuer);
    if (stage.at(issuer).get() === undefined) {
      mtlsRoots.set([await madeUpCa(environment, mesh, mesh)]);
      begin(issuer, `the mTLS backend "${backend.name}" of mesh "${mesh}"`);
    }
  }
  const isExclusive = resource?.spec.meshServices?.mode === "Exclusive";
  for (const identity of draft.list<MeshIdentityResource>({ type: "MeshIdentity", mesh })) {
    const provider = identity.spec.provider;
    if (provider?.type !== "Bundled") continue;
    const issuer = meshIdentityKri(identity);
    wanted.add(issuer);
    const domain = trustDomainOf({ zone: environment.zone, environment: "universal" }, identity);
    if (!isExclusive || !domain.ok || stage.at(issuer).get() !== undefined) continue;
    if (provider.bundled?.meshTrustCreation !== "Disabled") {
      trust(world, draft, identity, domain.value, await madeUpCa(environment, mesh, domain.value));
    }
    begin(issuer, `MeshIdentity "${identity.name}"`);
  }
  for (const [issuer] of [...stage.entries()]) if (!wanted.has(issuer)) stage.set(issuer, undefined);
  return notes;
}

/** A certificate that a proxy would be issued, as far as a comparison goes: it is another than the one it has. */
export function foreseeCertificate(world: World, mesh: string, dataplane: string, secret: string): void {
  const { certificate } = world.mesh(mesh);
  const fragment = world.translator.secret(certificateSecret(secret, "to be issued", ""));
  certificate.all.set(`${dataplane} ${secret}`, fragment);
}

function trust(
  world: World,
  draft: Store,
  identity: MeshIdentityResource,
  trustDomain: string,
  caPem: string,
): void {
  const { mesh, name } = identity;
  const before = draft.get<MeshTrustResource>({ type: "MeshTrust", mesh, name });
  const kri = meshIdentityKri(identity);
  const made = desiredMeshTrust({ key: identity, kri, trustDomain, caPem }, before);
  if (made === undefined) return;
  const times = { creationTime: "", modificationTime: "", revision: draft.revision };
  world.apply([{ before, after: { ...made, ...times } }]);
}

async function madeUpCa(
  { now, random }: IdentityEnvironment,
  commonName: string,
  domain: string,
): Promise<string> {
  const ca = await createCa({ commonName, uri: `spiffe://${domain}`, now: now(), random });
  return ca.certificatePem;
}
