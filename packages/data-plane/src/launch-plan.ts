import { join } from "node:path";
import { files } from "./files.ts";
import { isRecord } from "./json.ts";
import { LOG_LEVELS, type LogLevel } from "./log.ts";

/** Where Envoy's admin interface listens. */
export type AdminAddress =
  | { readonly kind: "pipe"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number };

/**
 * Everything that running a prepared sidecar takes: what the preparing process leaves behind for the supervising one,
 * and for `skein-dp drain`. It lies in the work directory, readable by its owner only.
 */
export interface LaunchPlan {
  readonly mode: "supervised" | "lean";
  /** The launcher; in lean mode the same process is Envoy. */
  readonly pid: number;
  readonly mesh: string;
  readonly name: string;
  readonly workDir: string;
  /** The work directory is a temporary one of ours, to be removed at the end. */
  readonly ownsWorkDir: boolean;
  readonly admin: AdminAddress;
  readonly command: { readonly file: string; readonly args: readonly string[] };
  /** The command of the authorization agent that runs beside Envoy. */
  readonly agent?: { readonly file: string; readonly args: readonly string[] };
  /** DNS for the applications beside the proxy. */
  readonly dns?: DnsLaunch;
  readonly controlPlane: { readonly address: string; readonly caFile?: string; readonly skipVerify: boolean };
  /** The file Envoy reads its token from. */
  readonly tokenFile?: string;
  /** The user's file, when `tokenFile` is our copy of it. */
  readonly tokenSource?: string;
  readonly drainTimeMs: number;
  readonly readiness: { readonly address: string; readonly port: number };
  readonly log: { readonly level: LogLevel; readonly json: boolean };
}

/** Where DNS is served, and from what. */
export interface DnsLaunch {
  readonly addresses: readonly string[];
  readonly port: number;
  /** The Unix socket on which Envoy answers with the names of the mesh. */
  readonly configSocket: string;
  readonly resolvConf: string;
}

/** Name of the plan inside the work directory. */
export const PLAN_FILE = "launch.json";

/** Writes a plan into its work directory, whole or not at all. */
export function writeLaunchPlan(plan: LaunchPlan): void {
  const file = join(plan.workDir, PLAN_FILE);
  files.writeFileSync(`${file}.new`, JSON.stringify(plan, undefined, 2), { mode: 0o600 });
  files.renameSync(`${file}.new`, file);
}

/** Reads the plan of a work directory. Throws when there is none, or when it is not one of ours. */
export function readLaunchPlan(workDir: string): LaunchPlan {
  const file = join(workDir, PLAN_FILE);
  const value: unknown = JSON.parse(files.readFileSync(file, "utf8"));
  if (!isLaunchPlan(value)) throw new TypeError(`${file} is not a launch plan`);
  return value;
}

/** Checked by hand: a schema library would cost the supervisor a fifth of its memory. */
function isLaunchPlan(value: unknown): value is LaunchPlan {
  if (!isRecord(value)) return false;
  const { mode, pid, admin, command, agent, dns, controlPlane, readiness, log } = value;
  return (
    (mode === "supervised" || mode === "lean") &&
    typeof pid === "number" &&
    ["mesh", "name", "workDir"].every((key) => typeof value[key] === "string") &&
    typeof value.ownsWorkDir === "boolean" &&
    typeof value.drainTimeMs === "number" &&
    isRecord(admin) &&
    (admin.kind === "pipe"
      ? typeof admin.path === "string"
      : admin.kind === "tcp" && typeof admin.port === "number") &&
    isRecord(command) &&
    typeof command.file === "string" &&
    Array.isArray(command.args) &&
    (agent === undefined ||
      (isRecord(agent) && typeof agent.file === "string" && Array.isArray(agent.args))) &&
    (dns === undefined ||
      (isRecord(dns) &&
        Array.isArray(dns.addresses) &&
        ["configSocket", "resolvConf"].every((key) => typeof dns[key] === "string"))) &&
    isRecord(controlPlane) &&
    typeof controlPlane.address === "string" &&
    isRecord(readiness) &&
    typeof readiness.port === "number" &&
    isRecord(log) &&
    LOG_LEVELS.some((level) => level === log.level)
  );
}
