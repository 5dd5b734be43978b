import { fileURLToPath } from "node:url";

export { fetchBootstrap } from "./bootstrap-client.ts";
export {
  type AdaptedBootstrap,
  adaptBootstrap,
  type BootstrapChanges,
  tokenSecretFile,
} from "./bootstrap-config.ts";
export { bootstrapRequest, features } from "./bootstrap-request.ts";
export { parseProxyResource, parseVariables, renderTemplate } from "./dataplane-template.ts";
export { awaitRemoval, type BarrierOutcome, type DrainProtocol } from "./drain-barrier.ts";
export { LaunchError, type LaunchErrorCode } from "./launch-error.ts";
export type { AdminAddress, LaunchPlan } from "./launch-plan.ts";
export { SETTINGS, type Setting } from "./settings.ts";

/** The file to start with Node: `node <launcherFile> run ...`. */
export const launcherFile = fileURLToPath(new URL("./main.ts", import.meta.url));
