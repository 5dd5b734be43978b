import type { Violation } from "@skein/model";
import type { JsonPatchStep, ModificationConf, ModificationKind } from "./conf.ts";
import { misplacedName } from "./filter-places.ts";

/** What is wrong with a modification as such; whether Envoy would take its value is another question. */
export function checkModification(
  kind: ModificationKind,
  conf: ModificationConf,
  path: string,
): readonly Violation[] {
  const violations: Violation[] = [...checkMatch(kind, conf, path)];
  if (conf.operation === "Patch") violations.push(...checkPatch(conf, path));
  else if (conf.operation === "Remove") {
    if (conf.value !== undefined) violations.push({ field: `${path}.value`, reason: "must not be defined" });
  } else if (conf.value === undefined || conf.value === "") {
    violations.push({ field: `${path}.value`, reason: "must be defined" });
  }
  return violations;
}

function checkMatch(
  kind: ModificationKind,
  { operation, match }: ModificationConf,
  path: string,
): readonly Violation[] {
  const name = `${path}.match.name`;
  switch (operation) {
    case "Add":
      if (kind === "virtualHost") {
        return match?.name === undefined ? [] : [{ field: name, reason: "must not be defined" }];
      }
      return match === undefined ? [] : [{ field: `${path}.match`, reason: "must not be defined" }];
    case "AddBefore":
    case "AddAfter":
      if (!match?.name) {
        const side = operation === "AddBefore" ? "before" : "after";
        const reason = `must be defined. You need to pick a filter ${side} which this one will be added`;
        return [{ field: name, reason }];
      }
      break;
    case "Patch":
      if ((kind === "networkFilter" || kind === "httpFilter") && !match?.name) {
        return [{ field: name, reason: "must be defined" }];
      }
      break;
    default:
  }
  const misplaced = match?.name === undefined ? undefined : misplacedName(kind, match.name);
  return misplaced === undefined ? [] : [{ field: name, reason: misplaced }];
}

function checkPatch({ value, jsonPatches }: ModificationConf, path: string): readonly Violation[] {
  const hasValue = value !== undefined && value !== "";
  const hasPatches = jsonPatches !== undefined && jsonPatches.length > 0;
  if (hasValue && hasPatches) {
    return [{ field: path, reason: "patch must have only one type defined: value, jsonPatches" }];
  }
  if (!hasValue && !hasPatches) {
    return [{ field: path, reason: "patch must have exactly one defined: value, jsonPatches" }];
  }
  return (jsonPatches ?? []).flatMap((step, i) => checkStep(step, `${path}.jsonPatches[${i}]`));
}

function checkStep({ op, path, from, value }: JsonPatchStep, at: string): readonly Violation[] {
  const violations: Violation[] = [];
  if (op === "remove" && (path === "" || path === "/")) {
    violations.push({ field: `${at}.path`, reason: "root path cannot be removed" });
  } else if (path === "") violations.push({ field: `${at}.path`, reason: "must be defined" });
  else if (!path.startsWith("/")) violations.push({ field: `${at}.path`, reason: "must begin with /" });
  const takes = op === "move" || op === "copy" ? "from" : op === "remove" ? undefined : "value";
  const rules = [
    { name: "value", is: value !== undefined, ops: '["add", "replace"]' },
    { name: "from", is: from !== undefined && from !== "", ops: '["move", "copy"]' },
  ];
  for (const { name, is, ops } of rules) {
    if (is && takes !== name) {
      violations.push({
        field: `${at}.${name}`,
        reason: `"${name}" is allowed only when "op" is one of ${ops}`,
      });
    }
    if (!is && takes === name) {
      violations.push({
        field: `${at}.${name}`,
        reason: `"${name}" must not be empty when "op" is one of ${ops}`,
      });
    }
  }
  return violations;
}
