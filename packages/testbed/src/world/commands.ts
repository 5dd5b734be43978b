import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** How a world starts the parts of the mesh: a program and the arguments that come before its own. */
export interface Commands {
  readonly controlPlane: readonly string[];
  readonly dataPlane: readonly string[];
  readonly ctl: readonly string[];
  readonly app: readonly string[];
  readonly rateLimit: readonly string[];
  /** OPA with its Envoy plugin, or what stands in for it. */
  readonly opa: string;
  /** The Envoy binary. */
  readonly envoy: string;
}

/** The repository's root. */
export const ROOT: string = fileURLToPath(new URL("../../../../", import.meta.url)).replace(/\/$/, "");

/** The workspace's own sources, run by this Node; Envoy from `SKEIN_ENVOY` or `.tools/bin`. */
export function workspaceCommands(): Commands {
  const node = process.execPath;
  const envoy = process.env.SKEIN_ENVOY ?? `${ROOT}/.tools/bin/envoy`;
  if (!existsSync(envoy))
    throw new Error(`no Envoy at ${envoy}: run tools/setup.sh, or set SKEIN_ENVOY to an envoy 1.40`);
  return {
    controlPlane: [node, `${ROOT}/packages/control-plane/bin/skein-cp.js`],
    dataPlane: [node, `${ROOT}/packages/data-plane/src/main.ts`],
    ctl: [node, `${ROOT}/packages/cli/bin/skeinctl.js`],
    rateLimit: [node, `${ROOT}/packages/rate-limit/src/main.ts`],
    app: [node, "--max-old-space-size=64", `${ROOT}/packages/testbed/src/apps/main.ts`],
    opa: process.env.SKEIN_OPA ?? `${ROOT}/packages/testbed/src/opa/main.ts`,
    envoy,
  };
}
