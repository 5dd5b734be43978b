import { replaceObjects } from "./static-bootstrap.ts";

/** A configuration that an Envoy on this machine may read, or why none may. */
export type Harmless =
  | { readonly kind: "harmless"; readonly config: unknown }
  | { readonly kind: "not here"; readonly reason: string };

const NOWHERE = "/dev/null";
/** Extensions that run code or open files when they are configured. */
const ACTIVE =
  /\.(wasm|dynamic_modules|golang|file_system\w*|file_based|tap|language|private_key_providers?|hyperscan)\.|DynamicOtConfig$|TypedStruct$/;
/** Fields that point to the machine on which Envoy runs. */
const LOCAL = ["filename", "environmentVariable", "watchedDirectory", "pathConfigSource", "library"];
/** Names of further fields that do so when a path is in them. */
const LOCAL_PATH = /(Path|File|Filename|Directory|Descriptor)$/;

/**
 * What Envoy reads it partly runs: the body of a Lua script is executed, files are opened, modules loaded. On a proxy's
 * machine that is the point; on the control plane's it would hand the machine to whoever may write a policy. So scripts
 * are compiled and not run, logs go nowhere, and what else would act or refers to the proxy's machine is left unchecked.
 */
export function harmless(config: unknown): Harmless {
  let reason: string | undefined;
  const made = replaceObjects(config, (given) => {
    const object = "eventLogPath" in given ? { ...given, eventLogPath: NOWHERE } : given;
    const type = typeof object["@type"] === "string" ? object["@type"] : "";
    if (ACTIVE.test(type)) reason ??= `${type.slice(type.lastIndexOf("/") + 1)} acts while it is configured`;
    const local = Object.keys(object).find((field) => isLocal(field, object[field]));
    if (local !== undefined) reason ??= `it refers to the proxy's own machine (${local})`;
    if (type.endsWith(".FileAccessLog")) return { ...object, path: NOWHERE };
    if (!/\.lua\./.test(type)) return object;
    return replaceObjects(object, (inner) => {
      if (inner.inlineBytes !== undefined) reason ??= "it has a script in bytes";
      const scripts = (["inlineCode", "inlineString"] as const).filter(
        (key) => typeof inner[key] === "string",
      );
      return {
        ...inner,
        ...Object.fromEntries(scripts.map((key) => [key, compiledOnly(String(inner[key]))])),
      };
    });
  });
  return reason === undefined ? { kind: "harmless", config: made } : { kind: "not here", reason };
}

function isLocal(field: string, value: unknown): boolean {
  if (LOCAL.includes(field)) return true;
  return LOCAL_PATH.test(field) && typeof value === "string" && value.startsWith("/") && value !== NOWHERE;
}

/** A Lua script that compiles another one, and fails with its error where it cannot. Nothing of the other is run. */
function compiledOnly(script: string): string {
  let level = "=";
  while (script.includes(`]${level}]`) || script.endsWith(`]${level}`)) level += "=";
  return `assert(loadstring([${level}[\n${script}]${level}]))\nfunction envoy_on_request(handle) end`;
}
