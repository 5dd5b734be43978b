/** Stable codes of what can keep a sidecar from starting. */
export type LaunchErrorCode =
  | "invalid-options"
  | "invalid-dataplane"
  | "invalid-ca"
  | "missing-token"
  | "envoy-not-found"
  | "opa-not-found"
  | "work-dir"
  | "control-plane-unreachable"
  | "control-plane-untrusted"
  | "bootstrap-rejected"
  | "bootstrap-invalid"
  | "not-running"
  | "interrupted";

/** The launcher cannot go on, for a reason its user can act on. The message says what to do, so no stack is printed. */
export class LaunchError extends Error {
  readonly code: LaunchErrorCode;
  constructor(code: LaunchErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "LaunchError";
    this.code = code;
  }
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
