/** The package of a Rego module, or a sentence that says what to write. */
export type RegoPackage =
  | { readonly ok: true; readonly path: readonly string[] }
  | { readonly ok: false; readonly problem: string };

/** The package that the mesh generates: its `allow` is the decision. */
export const DECISION_PACKAGE = "implicitkmesh";

/** `package`, then names joined by dots or in brackets and quotes, then the end of the line. */
const CLAUSE = /^package[ \t]+([A-Za-z_]\w*)((?:\.[A-Za-z_]\w*|\["[\w-]+"\])*)[ \t\r]*(?:#.*|;.*)?$/;
const SEGMENT = /\.(\w+)|\["([\w-]+)"\]/g;

/** Reads the package clause, which is the first thing in a module besides comments. */
export function regoPackage(text: string): RegoPackage {
  const line = text.split("\n").find((each) => each.trim() !== "" && !each.trim().startsWith("#"));
  const clause = CLAUSE.exec(line?.trim() ?? "");
  if (clause === null) {
    return {
      ok: false,
      problem: "must be a Rego module that begins with its package, such as: package orders",
    };
  }
  const [, first = "", rest = ""] = clause;
  if (first === DECISION_PACKAGE || first === "system") {
    return { ok: false, problem: `must be in a package of its own: "${first}" is reserved` };
  }
  const segments = [...rest.matchAll(SEGMENT)].map(([, dotted, quoted]) => dotted ?? quoted ?? "");
  return { ok: true, path: [first, ...segments] };
}
