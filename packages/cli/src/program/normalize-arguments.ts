import type { Command } from "commander";

/** What an option stands for when it is written without `=value`. */
const bareValues: Readonly<Record<string, string>> = { "--wait": "30s", "--dry-run": "client" };

/** Whether an option may stand without a value; its value, if any, follows `=`. */
export function isValueOptional(flag: string): boolean {
  return flag in bareValues;
}

/**
 * Brings the spellings that users of kumactl know into those that our parser knows: `--flag=true` and `--flag=false`
 * for switches, `-o=json` for short options, and options whose value is optional (`--wait`), which must not swallow
 * the argument that follows them.
 */
export function normalizeArguments(args: readonly string[], program: Command): readonly string[] {
  const switches = booleanFlags(program);
  const end = args.indexOf("--");
  const options = end < 0 ? args : args.slice(0, end);
  const rest = end < 0 ? [] : args.slice(end);
  return [...options.flatMap((arg) => normalizeArgument(arg, switches)), ...rest];
}

function normalizeArgument(arg: string, switches: ReadonlySet<string>): readonly string[] {
  const bare = bareValues[arg];
  if (bare !== undefined) return [`${arg}=${bare}`];
  const short = /^(-[A-Za-z])=(.*)$/s.exec(arg);
  const [flag = "", value = ""] = short === null ? arg.split(/=(.*)/s) : short.slice(1);
  if (switches.has(flag) && value === "true") return [flag];
  if (switches.has(flag) && value === "false") return [];
  return short === null ? [arg] : [flag, value];
}

function booleanFlags(command: Command): Set<string> {
  const flags = new Set<string>();
  for (const option of command.options) {
    if (option.required || option.optional) continue;
    if (option.long !== undefined) flags.add(option.long);
    if (option.short !== undefined) flags.add(option.short);
  }
  for (const child of command.commands) for (const flag of booleanFlags(child)) flags.add(flag);
  return flags;
}
