import { randomBytes } from "node:crypto";
import { createWorld } from "@skein/control-plane/api/testing/world";
import { createCa, loadCa } from "@skein/control-plane/identity/ca";
import { issueLeaf } from "@skein/control-plane/identity/leaf";
import { randomSerial } from "@skein/control-plane/identity/x509/serial";
import type { IssuedCertificate } from "@skein/control-plane/pipeline/world";
import type { Change } from "@skein/control-plane/store/store";
import { dataplane, MESH, type ModelProxy, modelMesh, SECURITY, serviceName } from "../fanout/mesh-model.ts";
import { mixedPolicies } from "../fanout/mixed-policies.ts";

const TRUST_DOMAIN = "bench.mesh.local";
const DAY_MS = 86_400_000;

type Document = Readonly<Record<string, unknown>>;

/** The documents of a mesh, checked and stored by the API, and what a control plane knows beside them. */
export interface PureMesh {
  readonly model: readonly ModelProxy[];
  /** Everything that was written to begin with. */
  readonly snapshot: readonly Change[];
  /** By dataplane. */
  readonly certificates: ReadonlyMap<string, IssuedCertificate>;
  /** What a document changes in the store. @throws Error when the API refuses it */
  write(document: object): Promise<readonly Change[]>;
}

/** What sets such a mesh apart from that of the fan-out. */
export interface PureMeshOptions {
  /** Each proxy calls so many services. */
  readonly called?: number;
  readonly dataplane?: (proxy: ModelProxy) => object;
}

/** The mesh of the fan-out, default policies included, with the services and addresses that naming would make. */
export async function pureMesh(
  proxies: number,
  services: number,
  policies: number,
  options: PureMeshOptions = {},
): Promise<PureMesh> {
  const api = createWorld();
  let changes: Change[] = [];
  api.store.watch((list) => changes.push(...list));
  const put = async (document: Document): Promise<void> => {
    const path = api.deps.registry.byType(String(document.type))?.path;
    const mesh = document.mesh === undefined ? "" : `/meshes/${document.mesh}`;
    const { status, text } = await api.call("PUT", `${mesh}/${path}/${document.name}`, document);
    if (status >= 300) throw new Error(`${document.type} ${document.name}: ${status} ${text}`);
  };
  const model = modelMesh(proxies, services, options.called);
  const { certificates, caPem } = await issue(model);
  const documents: readonly object[] = [
    ...SECURITY.map(([, document]) => document),
    meshTrust(caPem),
    ...mixedPolicies(policies, model).map(([, document]) => document),
    ...Array.from({ length: services }, (_, at) => meshService(serviceName(at))),
    ...model.map(options.dataplane ?? dataplane),
  ];
  for (const document of documents) await put(document as Document);
  return {
    model,
    snapshot: changes.map(addressed),
    certificates,
    async write(document) {
      changes = [];
      await put(document as Document);
      return changes.map(addressed);
    },
  };
}

/** As naming would leave it: each service has an address of its own. */
function addressed(change: Change): Change {
  const { after } = change;
  if (after?.type !== "MeshService") return change;
  const index = Number(after.name.slice("svc-".length));
  const vips = [{ ip: `241.0.${index >> 8}.${index & 255}` }];
  return { ...change, after: { ...after, status: { vips } } };
}

/** Certificates as proxies hold them: what they weigh is part of a configuration's size. */
async function issue(model: readonly ModelProxy[]) {
  const now = Date.now();
  const uri = `spiffe://${TRUST_DOMAIN}`;
  const material = await createCa({ commonName: "bench", uri, now, random: randomBytes });
  const ca = loadCa(material, { now, allowSelfSigned: true });
  if (!ca.ok) throw new Error(ca.error.message);
  const certificates = new Map<string, IssuedCertificate>();
  for (const { name, service } of model) {
    const serial = randomSerial(randomBytes);
    const uris = [`${uri}/ns/bench/sa/${service}`];
    const leaf = await issueLeaf(ca.value, { uris, ttlMs: DAY_MS, now, serial });
    certificates.set(name, { certificatePem: leaf.certChainPem, privateKeyPem: leaf.privateKeyPem });
  }
  return { certificates, caPem: material.certificatePem };
}

function meshTrust(caPem: string): object {
  const caBundles = [{ type: "Pem", pem: { value: caPem } }];
  return { type: "MeshTrust", mesh: MESH, name: "trust", spec: { trustDomain: TRUST_DOMAIN, caBundles } };
}

function meshService(name: string): object {
  return {
    type: "MeshService",
    mesh: MESH,
    name,
    spec: {
      selector: { dataplaneTags: { "kuma.io/service": name } },
      ports: [{ port: 8080, targetPort: 8080, appProtocol: "http" }],
    },
  };
}
