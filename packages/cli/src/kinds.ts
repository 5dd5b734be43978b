import type { KindDefinition } from "@skein/model";
import { CliError, usageError } from "./exit.ts";
import { didYouMean } from "./suggest.ts";

/** What commands need to know of a kind to name it, find its URL and print it. */
export type KindNames = Pick<
  KindDefinition,
  "type" | "path" | "scope" | "shape" | "cli" | "displayName" | "policy" | "adminOnly"
>;

/** The kinds that this command line knows. */
export interface Kinds<Kind extends KindNames = KindNames> {
  readonly all: readonly Kind[];
  readonly byType: (type: string) => Kind | undefined;
  /** The kind behind a word on the command line: singular, plural, alias, path or type, in any case. */
  readonly find: (word: string) => Kind | undefined;
  /** Like `find`; throws a usage error with the nearest word. */
  readonly demand: (word: string) => Kind;
}

/** Indexes kinds by all their names. */
export function createKinds<Kind extends KindNames>(all: readonly Kind[]): Kinds<Kind> {
  const byType = new Map(all.map((kind) => [kind.type, kind]));
  const byWord = new Map<string, Kind>();
  for (const kind of all) {
    for (const word of namesOf(kind)) byWord.set(word.toLowerCase(), kind);
  }
  const find = (word: string): Kind | undefined => byWord.get(word.toLowerCase());
  return {
    all,
    byType: (type) => byType.get(type),
    find,
    demand: (word) => {
      const kind = find(word);
      if (kind !== undefined) return kind;
      throw usageError(`unknown resource type "${word}"${didYouMean(word, byWord.keys())}`, [
        `Known types: ${all
          .map((known) => known.cli.plural)
          .sort()
          .join(", ")}`,
      ]);
    },
  };
}

/** The path of a kind's list, or of one resource of it. */
export function kindPath(kind: Pick<KindNames, "path" | "scope">, mesh: string, name?: string): string {
  const segments = [
    ...(kind.scope === "Mesh" ? ["meshes", mesh] : []),
    kind.path,
    ...(name === undefined ? [] : [name]),
  ];
  if (segments.includes("")) throw new CliError("a name and a mesh must not be empty");
  return `/${segments.map(encodeURIComponent).join("/")}`;
}

function namesOf(kind: KindNames): readonly string[] {
  return [kind.cli.singular, kind.cli.plural, ...(kind.cli.aliases ?? []), kind.path, kind.type];
}
