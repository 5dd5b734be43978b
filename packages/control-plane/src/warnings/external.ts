import type { MeshExternalServiceResource, MeshResource } from "@skein/model";
import { parseCertificates } from "../identity/ca.ts";
import type { Store } from "../store/store.ts";
import { hasEgress } from "./egress.ts";

const FIELD = "spec.tls.verification";

/** What a MeshExternalService says that will not do what it looks like. */
export function externalServiceWarnings(
  service: MeshExternalServiceResource,
  store: Store,
): readonly string[] {
  const { spec, mesh } = service;
  const warnings: string[] = [];
  const found = store.get<MeshResource>({ type: "Mesh", mesh: "", name: mesh });
  if (found?.spec.routing?.zoneEgress === true && !hasEgress(mesh, store)) {
    warnings.push(
      `mesh "${mesh}" has routing.zoneEgress: true and no zone egress, so nothing is sent there: proxies do not go past an egress`,
    );
  }
  if (spec.extension !== undefined) {
    warnings.push(`spec.extension: "${spec.extension.type}" is not known, so it has no effect`);
  }
  if (spec.tls === undefined) return warnings;
  if (!spec.tls.enabled) {
    warnings.push("spec.tls.enabled is not true, so what is under spec.tls has no effect");
    return warnings;
  }
  const { mode, subjectAltNames = [], caCert, clientCert, clientKey } = spec.tls.verification ?? {};
  if (mode === "SkipCA" || mode === "SkipAll") {
    const names = subjectAltNames.length > 0 ? ", and subjectAltNames have no effect" : "";
    warnings.push(
      `${FIELD}.mode ${mode}: nobody is verified, so whoever is in between can read and change everything${names}`,
    );
  }
  for (const [field, source] of Object.entries({ caCert, clientCert, clientKey })) {
    if (source?.secret === undefined) continue;
    if (store.get({ type: "Secret", mesh, name: source.secret }) !== undefined) continue;
    warnings.push(
      `${FIELD}.${field}.secret: there is no Secret "${source.secret}" now, so nothing is sent before there is`,
    );
  }
  const inline =
    caCert?.inlineString ??
    (caCert?.inline === undefined ? undefined : Buffer.from(caCert.inline, "base64").toString());
  if (inline !== undefined && parseCertificates(inline) === undefined) {
    warnings.push(`${FIELD}.caCert holds no certificate in PEM form, so nothing is sent`);
  }
  return warnings;
}
