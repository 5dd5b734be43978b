import type { ApiClient } from "../client/api-client.ts";
import { CliError } from "../exit.ts";
import { type EffectivePart, effectiveTable } from "../output/effective-fields.ts";
import { parseOutputFormat, render } from "../output/format.ts";
import { destinationOfKri } from "../output/kri.ts";
import { listAt, textAt } from "../read.ts";
import type { Session } from "../session.ts";

export interface InspectFieldsOptions {
  readonly output: string;
  readonly inbound?: string;
  readonly outbound?: string;
}

/**
 * `inspect dataplane NAME --type=fields`: what is in force for a proxy, field by field, with the rule behind each, and what
 * has no effect; of one inbound (by its section) or one outbound (by its service, with or without its port, or by its KRI)
 * alone where one is named.
 */
export async function inspectFields(
  session: Session,
  path: string,
  options: InspectFieldsOptions,
): Promise<void> {
  const format = parseOutputFormat(options.output);
  const client = await session.client();
  const layout = await client.get(`${path}/_layout`);
  const inbounds = [...listAt(layout, "inbounds"), ...listAt(layout, "listeners")].map((each) =>
    textAt(each, "kri"),
  );
  const outbounds = listAt(layout, "outbounds").map((each) => textAt(each, "kri"));
  const isWhole = options.inbound === undefined && options.outbound === undefined;
  const wanted: readonly (readonly [title: string, path: string])[] = [
    ...(isWhole ? [["proxy", `${path}/_policies`] as const] : []),
    ...chosen("inbound", inbounds, options.inbound, isWhole, sectionOf).map(
      (kri) =>
        [`inbound ${sectionOf(kri)}`, `${path}/_inbounds/${encodeURIComponent(kri)}/_policies`] as const,
    ),
    ...chosen("outbound", outbounds, options.outbound, isWhole, destinationOfKri).map(
      (kri) =>
        [
          `outbound ${destinationOfKri(kri)}`,
          `${path}/_outbounds/${encodeURIComponent(kri)}/_policies`,
        ] as const,
    ),
  ];
  const parts = await Promise.all(wanted.map(([title, at]) => effectivePart(client, title, at)));
  const warnings = isWhole ? warningsIn(await client.get(`${path}/_rules`)) : [];
  const lines = warnings.map((warning) => `Warning: ${warning}\n`).join("");
  session.io.out(await render(format, { parts, warnings }, () => effectiveTable(parts) + lines));
}

/** What some policy says that has no effect here, as far as the control plane tells. */
function warningsIn(rules: unknown): readonly string[] {
  return listAt(rules, "rules").flatMap((each) =>
    listAt(each, "warnings").map((warning) => `${textAt(each, "type")} ${String(warning)}`),
  );
}

async function effectivePart(client: ApiClient, title: string, path: string): Promise<EffectivePart> {
  return { title, policies: listAt(await client.get(path), "policies") };
}

/** All where the whole proxy is asked for, else those of that name. */
function chosen(
  noun: string,
  kris: readonly string[],
  name: string | undefined,
  isWhole: boolean,
  nameOf: (kri: string) => string,
): readonly string[] {
  if (isWhole) return kris;
  if (name === undefined) return [];
  const found = kris.filter(
    (kri) => kri === name || nameOf(kri) === name || nameOf(kri).split(":")[0] === name,
  );
  if (found.length > 0) return found;
  throw new CliError(`there is no ${noun} "${name}": there are ${kris.map(nameOf).join(", ") || "none"}`);
}

function sectionOf(kri: string): string {
  return kri.slice(kri.lastIndexOf("_") + 1);
}
