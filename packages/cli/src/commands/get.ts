import { parseJsonObject, type Query } from "../client/api-client.ts";
import { apiErrorOf } from "../client/api-error.ts";
import { warnOfOtherVersion } from "../client/compatibility.ts";
import { CliError, usageError } from "../exit.ts";
import { type KindNames, kindPath } from "../kinds.ts";
import { type OutputFormat, parseOutputFormat, render } from "../output/format.ts";
import { resourceTable } from "../output/resource-table.ts";
import type { Session } from "../session.ts";

export interface GetOptions {
  readonly mesh: string;
  readonly allMeshes?: boolean;
  readonly output: string;
  readonly size?: string;
  readonly offset?: string;
}

/** `get TYPE [NAME]`: one resource or a list; without `--size` the whole list, whatever its pages. */
export async function get(
  session: Session,
  type: string,
  name: string | undefined,
  options: GetOptions,
): Promise<void> {
  const format = parseOutputFormat(options.output);
  checkCount("--size", options.size);
  checkCount("--offset", options.offset);
  const kind = (await session.kinds()).demand(type);
  const warning = warnOfOtherVersion(session);
  await (name === undefined
    ? getList(session, kind, options, format)
    : getOne(session, kind, name, options, format));
  await warning;
}

async function getOne(
  session: Session,
  kind: KindNames,
  name: string,
  options: GetOptions,
  format: OutputFormat,
): Promise<void> {
  const client = await session.client();
  const response = await client.request("GET", kindPath(kind, options.mesh, name));
  if (response.status === 404) {
    throw new CliError(`No resources found${kind.scope === "Mesh" ? ` in ${options.mesh} mesh` : ""}`);
  }
  if (response.status >= 400) throw apiErrorOf(response.status, response.body);
  const resource = parseJsonObject(response, client.url);
  session.io.out(await render(format, resource, () => resourceTable(kind, [resource], session.io.now())));
}

async function getList(
  session: Session,
  kind: KindNames,
  options: GetOptions,
  format: OutputFormat,
): Promise<void> {
  const client = await session.client();
  const path = options.allMeshes === true ? `/${kind.path}` : kindPath(kind, options.mesh);
  const query: Query = { size: options.size, offset: options.offset };
  if (options.size === undefined) {
    const items = await client.all(path, options.offset === undefined ? {} : { offset: options.offset });
    const list = { items, next: null, total: items.length + Number(options.offset ?? 0) };
    session.io.out(await render(format, list, () => resourceTable(kind, items, session.io.now())));
    return;
  }
  if (format !== "table") {
    session.io.out(await render(format, await client.get(path, query), () => ""));
    return;
  }
  const page = await client.page(path, query);
  session.io.out(resourceTable(kind, page.items, session.io.now()));
  if (page.next !== undefined) {
    session.io.out(`\nRerun command with --offset=${page.next} argument to retrieve more resources\n`);
  }
}

function checkCount(flag: string, value: string | undefined): void {
  if (value !== undefined && !/^\d+$/.test(value))
    throw usageError(`${flag} must be a whole number, not "${value}"`);
}
