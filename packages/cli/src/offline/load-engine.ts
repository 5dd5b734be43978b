import { defaultPolicyNames, type OfflineEngine, offlineEngine } from "@skein/control-plane/offline";
import type { NewResource } from "@skein/model";
import { loadDocuments } from "../documents/load.ts";
import type { Session } from "../session.ts";

/**
 * The engine over the documents of some files. Commands import this file when they are called: it loads the planning of
 * the control plane, which costs more than any other command does altogether. Nobody is warned of the form of the
 * policies that a control plane itself gives to a new mesh, and that an export brings along.
 */
export async function loadEngine(
  session: Session,
  locations: readonly string[],
  zone?: string,
): Promise<OfflineEngine> {
  const kinds = await session.kinds();
  const resources: NewResource[] = [];
  for (const location of locations) {
    const documents = await loadDocuments(
      { locations: [location], variables: [], unknownFields: "strict" },
      session.io,
      kinds,
    );
    for (const { known, where, warnings } of documents) {
      const isOurs = known !== undefined && defaultPolicyNames(known.resource.mesh).has(known.resource.name);
      for (const text of isOurs ? [] : warnings) session.io.err(`Warning: ${where}: ${text}\n`);
      if (known !== undefined) resources.push(known.resource);
    }
  }
  return offlineEngine(resources, zone);
}
