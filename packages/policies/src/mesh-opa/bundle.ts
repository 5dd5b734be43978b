import { DECISION_PACKAGE, regoPackage } from "./rego-package.ts";

/** A Rego module for the agent: its text, or why there is none. */
export interface RegoModule {
  readonly text:
    | { readonly ok: true; readonly value: string }
    | { readonly ok: false; readonly error: string };
  readonly ignoreDecision: boolean;
}

/** The content of an OPA bundle, without what archiving adds. */
export interface OpaBundle {
  /** The parts of OPA's data that belong to the bundle, so that agents can have others beside it. */
  readonly roots: readonly string[];
  /** By path in the bundle. */
  readonly files: Readonly<Record<string, string>>;
}

/**
 * What an agent decides by: the modules, and package `implicitkmesh`, whose `allow` is true when in each package that has
 * a say `allow` is true and `deny` is not. Where nothing has a say, or a module cannot be had, nobody is allowed: what is
 * missing could be what denies.
 */
export function opaBundle(modules: readonly RegoModule[]): OpaBundle {
  const problems: string[] = [];
  const packages = new Map<string, { readonly path: readonly string[]; decides: boolean }>();
  const files: Record<string, string> = {};
  for (const [i, { text, ignoreDecision }] of modules.entries()) {
    const found = text.ok ? regoPackage(text.value) : { ok: false as const, problem: text.error };
    if (!text.ok || !found.ok) {
      problems.push(`module ${i}: ${found.ok ? "" : found.problem}`);
      continue;
    }
    const key = found.path.join("/");
    packages.set(key, {
      path: found.path,
      decides: !ignoreDecision || packages.get(key)?.decides === true,
    });
    files[`policies/${String(i).padStart(3, "0")}.rego`] = text.value;
  }
  const deciding = [...packages.values()].filter(({ decides }) => decides).map(({ path }) => path);
  files[`${DECISION_PACKAGE}.rego`] = decision(deciding, problems);
  return { roots: outermost([DECISION_PACKAGE, ...packages.keys()]), files };
}

function decision(packages: readonly (readonly string[])[], problems: readonly string[]): string {
  const conditions = packages.map(reference).flatMap((at) => [`\t${at}.allow == true`, `\tnot ${at}.deny`]);
  return [
    ...problems.map((problem) => `# ${problem}`),
    `package ${DECISION_PACKAGE}`,
    "import rego.v1",
    "default allow := false",
    ...(problems.length > 0 || conditions.length === 0 ? [] : [`allow if {\n${conditions.join("\n")}\n}`]),
    "",
  ].join("\n");
}

function reference(path: readonly string[]): string {
  const segments = path.map((name) => (/^[A-Za-z_]\w*$/.test(name) ? `.${name}` : `["${name}"]`));
  return `data${segments.join("")}`;
}

/** OPA takes no root inside another. */
function outermost(roots: readonly string[]): readonly string[] {
  return roots.filter((root) => !roots.some((other) => root.startsWith(`${other}/`))).sort();
}
