import type { KindDefinition } from "./kind.ts";
import { displayName } from "./kri.ts";
import { LABEL } from "./labels.ts";

/** What an SNI names: one port of one destination. */
export interface SniSubject {
  /** Short name of the destination's kind: `msvc`, `mzsvc`, `extsvc`. */
  readonly shortName: string;
  readonly mesh: string;
  /** `""` where the destination belongs to no zone. */
  readonly zone: string;
  /** Only shown together with a zone. */
  readonly namespace: string;
  readonly name: string;
  /** Name of the port, else its number. */
  readonly section: string;
}

/** `sni.<kind>.<mesh>[.<zone>[.<namespace>]].<name>.<section>`: the server name of mTLS to a destination. */
export function formatSni(subject: SniSubject): string {
  const place =
    subject.zone === "" ? [] : [subject.zone, ...(subject.namespace === "" ? [] : [subject.namespace])];
  return ["sni", subject.shortName, subject.mesh, ...place, subject.name, subject.section].join(".");
}

/** The server name of one port of a resource of a destination kind. */
export function sniOf(
  kind: Pick<KindDefinition, "shortName">,
  resource: {
    readonly mesh: string;
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
  },
  port: { readonly port: number; readonly name?: string | undefined },
): string {
  return formatSni({
    shortName: kind.shortName ?? "",
    mesh: resource.mesh,
    zone: resource.labels[LABEL.zone] ?? "",
    namespace: resource.labels[LABEL.kubernetesNamespace] ?? "",
    name: displayName(resource),
    section: port.name === undefined || port.name === "" ? String(port.port) : port.name,
  });
}

const OLD_KINDS: Readonly<Record<string, string>> = { msvc: "ms", mzsvc: "mzms", extsvc: "mes" };

/**
 * The server name that proxies with the older naming use: `a<hash>.<name>.<port>.<mesh>.<ms|mzms|mes>`. The hash is
 * over name and mesh, so it tells apart names that were cut; the port is not in it.
 */
export function formatOldSni(subject: {
  readonly shortName: string;
  readonly mesh: string;
  readonly name: string;
  readonly port: number;
}): string {
  const kind = OLD_KINDS[subject.shortName];
  if (kind === undefined) throw new TypeError(`no SNI for kind ${subject.shortName}`);
  const hash = fnv1a64(`${subject.name};${subject.mesh};`).toString(16).padStart(16, "0");
  return `a${hash}.${cut(subject.name)}.${subject.port}.${cut(subject.mesh)}.${kind}`;
}

function cut(text: string): string {
  return text.length > 62 ? `${text.slice(0, 62)}x` : text;
}

function fnv1a64(text: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash;
}
