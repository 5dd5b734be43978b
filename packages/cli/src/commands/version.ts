import { CliError } from "../exit.ts";
import { toJson } from "../output/format.ts";
import { type JsonObject, textAt } from "../read.ts";
import type { Session } from "../session.ts";
import { apiVersion, product, version } from "../version.ts";

/** `version`: the client's and the server's; a server that cannot be reached is a warning, not an error. */
export async function printVersion(
  session: Session,
  { detailed }: { readonly detailed?: boolean },
): Promise<void> {
  const { io } = session;
  io.out(`Client: ${product} ${version}\n`);
  if (detailed === true) {
    io.out(
      `  API:      Kuma ${apiVersion}\n  Node:     ${process.version}\n  Platform: ${process.platform}/${process.arch}\n`,
    );
  }
  try {
    const index = await fetchIndex(session);
    io.out(`Server: ${textAt(index, "product")} ${textAt(index, "version")}\n`);
    if (detailed === true) io.out(toJson(index));
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    io.err(`WARNING: Failed to retrieve server version: ${error.message}\n`);
  }
}

async function fetchIndex(session: Session): Promise<JsonObject> {
  return (await session.client()).get("/");
}
