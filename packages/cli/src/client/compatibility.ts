import { textAt } from "../read.ts";
import type { Session } from "../session.ts";
import { apiVersion, product } from "../version.ts";
import { parseJsonObject } from "./api-client.ts";

/** Products whose API this command line speaks. */
export const knownProducts: readonly string[] = [product, "Kuma", "Kong Mesh"];

/**
 * Says on stderr when the control plane speaks another version of the API. Meant to run beside the command's own
 * requests; a control plane that does not answer is theirs to report.
 */
export async function warnOfOtherVersion(session: Session): Promise<void> {
  try {
    const client = await session.client();
    const response = await client.request("GET", "/", { authenticated: false });
    if (response.status >= 400) return;
    const warning = versionWarning(parseJsonObject(response, client.url), session.io.programName);
    if (warning !== undefined) session.io.err(`WARNING: ${warning}\n`);
  } catch {
    // the command's own requests tell
  }
}

/** A sentence when `GET /` names a product or an API version that may not understand this command line. */
export function versionWarning(index: unknown, programName: string): string | undefined {
  const serverProduct = textAt(index, "product");
  const serverVersion = textAt(index, "version");
  if (serverVersion === "" || serverVersion.includes("preview")) return undefined;
  if (!knownProducts.includes(serverProduct)) {
    return `${programName} speaks the API of Kuma ${apiVersion}, but the server is ${serverProduct} ${serverVersion}`;
  }
  const spoken = textAt(index, "basedOnKuma") || serverVersion;
  if (serverProduct !== "Kuma" && spoken === serverVersion) return undefined;
  return spoken.startsWith(`${apiVersion}.`) || spoken === apiVersion
    ? undefined
    : `${programName} speaks the API of Kuma ${apiVersion}, but the server speaks ${spoken}`;
}
