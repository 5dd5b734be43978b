import { defaultPolicyNames } from "../defaults/default-policies.ts";
import { type Finding, finding } from "./finding.ts";
import type { Scope } from "./scope.ts";

/** SK0501: shapes that work and have a newer form. What the control plane itself made is not the user's to change. */
export function deprecatedShapes({ resources, kinds, mesh }: Scope): readonly Finding[] {
  const byType = new Map(kinds.map((kind) => [kind.type, kind]));
  const builtIn = defaultPolicyNames(mesh.name);
  return resources
    .filter(({ name }) => !builtIn.has(name))
    .flatMap((resource) =>
      (byType.get(resource.type)?.deprecations?.(resource) ?? []).map((text) => {
        const [, path = "", rest = text] = /^((?:spec|networking)[^\s:]*)[:\s]\s*(.*)$/s.exec(text) ?? [];
        return finding("SK0501", resource, path, path === "" ? text : rest);
      }),
    );
}
