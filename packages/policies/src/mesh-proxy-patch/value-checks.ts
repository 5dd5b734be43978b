import type { DescMessage, Registry } from "@bufbuild/protobuf";
import { allTypes } from "@skein/envoy-api/all-types";
import type { Violation } from "@skein/model";
import type { JsonPatchStep, ModificationConf, ModificationKind } from "./conf.ts";
import { parsePointer } from "./json-patch.ts";
import { dotted, readNativeValue, VALUE_TYPES } from "./native-value.ts";
import { checkField, checkMessage, fieldOf, hasOwnJson, unknownField } from "./typed-json.ts";

/** Whether what a modification says of Envoy's messages can be: its value, or the paths and values of its JSON patches. */
export function checkValues(
  kind: ModificationKind,
  conf: ModificationConf,
  path: string,
): readonly Violation[] {
  const types = allTypes();
  const isFilter = kind === "networkFilter" || kind === "httpFilter";
  if (conf.value !== undefined && conf.operation !== "Remove") {
    const read = readNativeValue(types, VALUE_TYPES[kind], conf.value);
    const problems = read.ok ? missing(kind, conf, read.message) : read.problems;
    return problems.map((problem) => ({
      field: `${path}.value`,
      reason: `native Envoy resource is not valid: ${problem}`,
    }));
  }
  // The type of a filter's configuration is known when a filter is there.
  if (conf.operation !== "Patch" || isFilter) return [];
  return (conf.jsonPatches ?? []).flatMap((step, i) =>
    checkStep(types, VALUE_TYPES[kind], step, `${path}.jsonPatches[${i}]`),
  );
}

/** What a value must say so that it can have the effect its writer wants. */
function missing(
  kind: ModificationKind,
  { operation }: ModificationConf,
  message: object,
): readonly string[] {
  const configType: unknown = Reflect.get(message, "configType");
  if (kind === "networkFilter" || kind === "httpFilter") {
    if (operation !== "Patch") return Reflect.get(message, "name") === "" ? ["name: must be defined"] : [];
    return Reflect.get(Object(configType), "case") === "typedConfig"
      ? []
      : ["typedConfig: must be defined, because a Patch of a filter changes nothing else"];
  }
  return operation === "Add" && Reflect.get(message, "name") === "" ? ["name: must be defined"] : [];
}

function checkStep(
  types: Registry,
  root: DescMessage,
  step: JsonPatchStep,
  at: string,
): readonly Violation[] {
  const violations = checkPointer(types, root, step.path, step.value).map(
    ({ isPath, reason }): Violation => ({ field: `${at}.${isPath ? "path" : "value"}`, reason }),
  );
  if (step.from === undefined) return violations;
  const from = checkPointer(types, root, step.from, undefined);
  return [...violations, ...from.map(({ reason }): Violation => ({ field: `${at}.from`, reason }))];
}

/** Follows a JSON pointer through a message's type, as far as that is known, and checks what is to stand there. */
function checkPointer(
  types: Registry,
  root: DescMessage,
  pointer: string,
  value: unknown,
): readonly { readonly isPath: boolean; readonly reason: string }[] {
  let message: DescMessage = root;
  const steps = parsePointer(pointer);
  for (let i = 0; i < steps.length; i++) {
    const key = steps[i] ?? "";
    if (hasOwnJson(message)) return [];
    const field = message.fields.find(({ jsonName }) => jsonName === key);
    if (field === undefined) {
      const meant = fieldOf(message, key)?.jsonName;
      const reason =
        meant === undefined ? unknownField(message, key) : `JSON patches say \`${meant}\`, not \`${key}\``;
      return [{ isPath: true, reason: `/${steps.slice(0, i + 1).join("/")}: ${reason}` }];
    }
    const isCollection = field.fieldKind === "list" || field.fieldKind === "map";
    const item = steps[i + 1];
    if (isCollection && item !== undefined) {
      if (field.fieldKind === "list" && !/^(-|-?\d+)$/.test(item)) {
        const reason = `/${steps.slice(0, i + 2).join("/")}: ${field.jsonName} is a list: an index or - belongs here`;
        return [{ isPath: true, reason }];
      }
      i += 1;
    }
    if (i === steps.length - 1) {
      if (value === undefined) return [];
      const isEntry = isCollection && item !== undefined;
      const problems = isEntry
        ? checkField(types, field, field.fieldKind === "list" ? [value] : { [item]: value }).map(
            ({ path, reason }) => ({ path: path.slice(1), reason }),
          )
        : checkField(types, field, value);
      return problems.map(({ path, reason }) => ({
        isPath: false,
        reason: path.length === 0 ? reason : `${dotted(path)}: ${reason}`,
      }));
    }
    if (field.message === undefined) {
      const reason = `/${steps.slice(0, i + 1).join("/")}: there is nothing below ${field.jsonName}`;
      return [{ isPath: true, reason }];
    }
    message = field.message;
  }
  return value === undefined
    ? []
    : checkMessage(types, message, value).map(({ reason }) => ({ isPath: false, reason }));
}
