import type { DataplaneInbound, DataplaneSpec } from "@skein/model";
import { isHeldOut, isTakenOut, putBack, takenOut, withInbounds } from "../defaults/inbound-states.ts";
import type { AdminCheck, HealthChecks, ProbeCheck } from "./checks.ts";
import { endpointText, type HealthReport } from "./messages.ts";

/** What a report says of a proxy; `undefined` where it says nothing. */
export interface Findings {
  /** Envoy is up and does not drain. */
  readonly proxy: boolean | undefined;
  /** The application behind each inbound takes connections. */
  readonly inbounds: readonly (boolean | undefined)[];
}

/**
 * What a report says about the checks that are in force. One that is about earlier checks says nothing about later ones
 * of the same name: the address has to be the same too.
 *
 * @param isDone whether a check has had its first result. Until then Envoy reports that all is bad
 */
export function findingsOf(
  checks: HealthChecks,
  report: HealthReport,
  isDone: (check: AdminCheck | ProbeCheck) => boolean,
): Findings {
  const { admin } = checks;
  const found = (check: AdminCheck | ProbeCheck, address: string): boolean | undefined => {
    const isWell = report.get(check.cluster)?.get(address);
    return isWell === false && !isDone(check) ? undefined : isWell;
  };
  return {
    proxy:
      admin &&
      found(
        admin,
        "socket" in admin.target
          ? admin.target.socket
          : endpointText(admin.target.address, admin.target.port),
      ),
    inbounds: checks.inbounds.map((check) => check && found(check, endpointText(check.address, check.port))),
  };
}

/**
 * A Dataplane in which what is not well is taken out, and what is well again put back; the same object where nothing
 * changes. What others keep out is not touched, and while the proxy drains nothing is put back: a report may be older.
 */
export function withFindings(
  spec: DataplaneSpec,
  { proxy, inbounds }: Findings,
  isDraining: boolean,
): DataplaneSpec {
  const next = (inbound: DataplaneInbound, isWell: boolean | undefined): DataplaneInbound => {
    if (isWell === undefined || isHeldOut(inbound) || isWell !== isTakenOut(inbound)) return inbound;
    if (!isWell) return takenOut(inbound);
    return isDraining ? inbound : putBack(inbound);
  };
  return withInbounds(spec, (inbound, index) => {
    const app = inbounds[index];
    const isProbed = inbound.serviceProbe !== undefined;
    return next(inbound, proxy === false ? false : isProbed ? app : proxy);
  });
}
