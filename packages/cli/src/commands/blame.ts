import { apiPath, parseJsonObject } from "../client/api-client.ts";
import { apiErrorOf } from "../client/api-error.ts";
import { CliError } from "../exit.ts";
import { blameDetails, blameTable } from "../output/blame.ts";
import { parseOutputFormat, render } from "../output/format.ts";
import { listAt } from "../read.ts";
import type { Session } from "../session.ts";

export interface BlameOptions {
  readonly mesh: string;
  readonly output: string;
  readonly type?: string;
}

/** `blame DATAPLANE [RESOURCE-NAME]`: from a proxy's Envoy resources back to what put them there. */
export async function blame(
  session: Session,
  dataplane: string,
  resource: string | undefined,
  { mesh, output, type }: BlameOptions,
): Promise<void> {
  const format = parseOutputFormat(output);
  const client = await session.client();
  const path = `${apiPath("meshes", mesh, "dataplanes", dataplane)}/_blame`;
  const response = await client.request("GET", path, { query: { type, name: resource } });
  if (response.status === 404) {
    throw new CliError(
      resource === undefined
        ? `there is no Dataplane "${dataplane}" with a plan in mesh "${mesh}"`
        : `"${dataplane}" has no such resource: "blame ${dataplane}" lists those that it has`,
    );
  }
  if (response.status >= 400) throw apiErrorOf(response.status, response.body);
  const document = parseJsonObject(response, client.url);
  const items = listAt(document, "items");
  session.io.out(
    await render(format, document, () => (resource === undefined ? blameTable(items) : blameDetails(items))),
  );
}
