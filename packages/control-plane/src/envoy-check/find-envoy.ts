import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

/** The Envoy that a setting names, as a path or as a command on the PATH; `undefined` where there is none. */
export function findEnvoy(
  named: string,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const command = named === "" ? "envoy" : named;
  if (command.includes("/")) return isExecutable(command) ? command : undefined;
  return (env.PATH ?? "")
    .split(delimiter)
    .filter((directory) => directory !== "")
    .map((directory) => join(directory, command))
    .find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
