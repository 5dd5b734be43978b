import { Option } from "commander";

/** `-m, --mesh`. */
export function meshOption(): Option {
  return new Option("-m, --mesh <mesh>", "mesh to use").default("default");
}

/** `-o, --output`. */
export function outputOption(fallback = "table"): Option {
  return new Option("-o, --output <format>", "output format: table, yaml or json").default(fallback);
}

/** An option that may be given several times. */
export function repeatable(flags: string, description: string): Option {
  return new Option(flags, description)
    .default([], "none")
    .argParser((value: string, before: readonly string[]) => [...before, value]);
}

/** `--wait[=timeout]`; the preset is filled in before parsing when the value is left out. */
export function waitOption(): Option {
  return new Option(
    "--wait <timeout>",
    "wait until every affected proxy has acknowledged; --wait alone waits up to 30s, --wait=2m up to two minutes",
  ).preset("30s");
}

/** `--dry-run[=mode]`; `--dry-run` alone means `client`. */
export function dryRunOption(description: string): Option {
  return new Option("--dry-run <mode>", description).preset("client");
}
