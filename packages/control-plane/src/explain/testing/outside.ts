import { AIRLINE, policy } from "./airline.ts";

/** The portal calls `pay` outside, and `everything`, which is all services of the airline in one. */
export const OUTBOUNDS = AIRLINE.replace(
  "  outbound:\n",
  `  outbound:
    - {port: 10003, backendRef: {kind: MeshExternalService, name: pay}}
    - {port: 10004, backendRef: {kind: MeshMultiZoneService, name: everything, port: 8080}}\n`,
);

/** The same, left through an egress that nobody may use yet. */
export const EGRESS = `${OUTBOUNDS.replace(
  "meshServices: {mode: Exclusive}",
  "meshServices: {mode: Exclusive}\nrouting: {zoneEgress: true}",
)}${egress("egress-1", "127.0.1.9")}`;

/** A proxy with listeners by which others leave the mesh, each `{type: ZoneEgress, port}` and more. */
export function egress(
  name: string,
  address: string,
  listeners = "[{type: ZoneEgress, port: 10002}]",
): string {
  return `
---
type: Dataplane
mesh: default
name: ${name}
labels: {app: egress, kuma.io/workload: egress}
networking: {address: ${address}, listeners: ${listeners}}
`;
}

/** `pay`, which is outside the mesh. */
export function pay(tls?: object): string {
  return policy("MeshExternalService", "pay", {
    match: { type: "HostnameGenerator", port: 443, protocol: "http" },
    endpoints: [
      { address: "pay.example", port: 443 },
      { address: "192.0.2.1", port: 443, priority: 1 },
    ],
    ...(tls === undefined ? {} : { tls: { enabled: true, ...tls } }),
  });
}

/** Lists callers of `pay` at the egresses, by the names of their workloads; `more` is merged into the target. */
export function leave(
  name: string,
  list: "allow" | "deny",
  workloads: readonly string[],
  more: object = {},
): string {
  return policy("MeshTrafficPermission", name, {
    targetRef: { kind: "Dataplane", labels: { "kuma.io/listener-zoneegress": "enabled" }, ...more },
    rules: [
      {
        default: {
          [list]: workloads.map((workload) => ({
            spiffeID: { type: "Exact", value: `spiffe://air.test/${workload}` },
            sni: { type: "Exact", value: "sni.extsvc.default.east.pay.443" },
          })),
        },
      },
    ],
  });
}
