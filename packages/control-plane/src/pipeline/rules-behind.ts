import type { XdsType } from "../xds/fragment.ts";
import { blame } from "./blame.ts";
import type { World } from "./world.ts";

/**
 * The rules behind a version of a proxy's resource, each as the KRI of its policy and its place in it. None where the
 * proxy should hold another version by now: what made the older one may be gone.
 */
export function rulesBehind(
  world: World,
  { mesh, name }: { readonly mesh: string; readonly name: string },
  type: XdsType,
  resource: string,
  version: string,
): readonly string[] {
  const plan = world.mesh(mesh).planner.plan.at(name).get();
  const config = world.mesh(mesh).config.at(name).get();
  if (plan === undefined || config === undefined) return [];
  const found = blame(plan, config).find(
    ({ fragment }) => fragment.type === type && fragment.name === resource && fragment.version === version,
  );
  const rules = (found?.fields ?? []).flatMap(({ origin }) =>
    origin === undefined ? [] : [`${origin.policy} ${origin.rule}`],
  );
  return [...new Set(rules)].sort();
}
