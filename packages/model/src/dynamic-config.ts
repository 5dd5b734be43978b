/** A longer one might not fit into the address of a socket. */
const MAX_CHARACTERS = 98;

/**
 * The Unix socket on which a proxy's Envoy answers its launcher with what the control plane tells launchers (`/dns`).
 * Kuma's name and its cut of long ones: launchers of either sort find it.
 */
export function dynamicConfigSocket(workDir: string): string {
  return `${`${workDir.replace(/\/+$/, "")}/kuma-mesh-metric-config`.slice(0, MAX_CHARACTERS)}.sock`;
}
