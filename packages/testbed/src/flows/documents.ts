import { policy } from "./scene.ts";

/** Fields of a Mesh whose own CA issues certificates, and which takes nothing else. */
export const LEGACY_MTLS = {
  mtls: { enabledBackend: "ca-1", backends: [{ name: "ca-1", type: "builtin", mode: "STRICT" }] },
};

/** The trust domain of every MeshIdentity here. */
export const TRUST_DOMAIN = "kong-air.test";

/** SPIFFE id of a service. */
export function idOf(service: string): string {
  return `spiffe://${TRUST_DOMAIN}/sa/${service}`;
}

/** A MeshIdentity for everybody, `bundled` beside what makes it generate a CA. */
export function identity(bundled: object = { autogenerate: { enabled: true } }): string {
  return policy("MeshIdentity", "everybody", {
    selector: { dataplane: { matchLabels: {} } },
    spiffeID: { trustDomain: TRUST_DOMAIN, path: '/sa/{{ label "app" }}' },
    provider: { type: "Bundled", bundled: { insecureAllowSelfSigned: true, ...bundled } },
  });
}

/** A MeshTLS for everybody. */
export function meshTls(conf: object): string {
  return policy("MeshTLS", "tls", { rules: [{ default: conf }] });
}

/** Lets everybody with an id of the trust domain call everybody. */
export const ALLOW_ALL = policy("MeshTrafficPermission", "allow-all", {
  rules: [{ default: { allow: [{ spiffeID: { type: "Prefix", value: `spiffe://${TRUST_DOMAIN}` } }] } }],
});
