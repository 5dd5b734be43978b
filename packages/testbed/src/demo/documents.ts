/** What the demo applies: scenario 4 of the learning path. */

export const ALLOW_ALL = `type: MeshTrafficPermission
mesh: kong-air-mesh
name: allow-all
spec:
  rules:
    - default:
        allow:
          - spiffeID: {type: Prefix, value: spiffe://kong-air-mesh.mesh.local}
`;

export const PERMISSIVE = meshTls("Permissive");
export const STRICT = meshTls("Strict");

export const IDENTITY = `type: MeshIdentity
mesh: kong-air-mesh
name: kong-air-identity
spec:
  selector: {dataplane: {matchLabels: {}}}
  spiffeID:
    trustDomain: kong-air-mesh.mesh.local
    path: '/ns/kong-air-production/sa/{{ label "app" }}'
  provider:
    type: Bundled
    bundled:
      insecureAllowSelfSigned: true
      autogenerate: {enabled: true}
`;

/** The id is broken in two so that the document fits a terminal; in a double-quoted YAML text that is no difference. */
export const ALLOW_FLIGHT_CONTROL = String.raw`type: MeshTrafficPermission
mesh: kong-air-mesh
name: allow-flight-control-to-check-in
spec:
  targetRef: {kind: Dataplane, labels: {app: check-in-api}}
  rules:
    - default:
        allow:
          - spiffeID:
              type: Exact
              value: "spiffe://kong-air-mesh.mesh.local\
                /ns/kong-air-production/sa/flight-control"
`;

function meshTls(mode: string): string {
  return `type: MeshTLS
mesh: kong-air-mesh
name: mtls
spec:
  rules:
    - default: {mode: ${mode}}
`;
}
