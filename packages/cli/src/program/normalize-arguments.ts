import type { Command, Option } from "commander";

/** Whether an option may stand without a value; its value, if any, follows `=`. */
export function isValueOptional(option: Option): boolean {
  return option.required && option.presetArg !== undefined;
}

/**
 * Brings the spellings that users of kumactl know into those that our parser knows: `--flag=true` and `--flag=false`
 * for switches, `-o=json` for short options, and options whose value is optional (`--wait`), which must not swallow
 * the argument that follows them.
 */
export function normalizeArguments(args: readonly string[], program: Command): readonly string[] {
  const end = args.indexOf("--");
  const given = end < 0 ? args : args.slice(0, end);
  const rest = end < 0 ? [] : args.slice(end);
  const options = calledCommands(given, program).flatMap((command) => command.options);
  return [...given.flatMap((arg) => normalizeArgument(arg, options)), ...rest];
}

function normalizeArgument(arg: string, options: readonly Option[]): readonly string[] {
  const short = /^(-[A-Za-z])=(.*)$/s.exec(arg);
  const [flag = "", value] = short === null ? arg.split(/=(.*)/s) : short.slice(1);
  const option = options.find((candidate) => isCalled(candidate, flag));
  if (option !== undefined && value === undefined && isValueOptional(option))
    return [`${flag}=${option.presetArg}`];
  const isSwitch = option !== undefined && !option.required && !option.optional;
  if (isSwitch && value === "true") return [flag];
  if (isSwitch && value === "false") {
    const opposite = `--no-${flag.replace(/^--/, "")}`;
    return options.some((candidate) => isCalled(candidate, opposite)) ? [opposite] : [];
  }
  return short === null ? [arg] : [flag, value ?? ""];
}

function isCalled(option: Option, flag: string): boolean {
  return option.long === flag || option.short === flag;
}

/** The command that is called, with all above it, the innermost first: its options are meant where several have a name. */
function calledCommands(args: readonly string[], program: Command): readonly Command[] {
  const called = [program];
  for (const arg of args.filter((candidate) => !candidate.startsWith("-"))) {
    const child = called[0]?.commands.find(
      (candidate) => candidate.name() === arg || candidate.aliases().includes(arg),
    );
    if (child !== undefined) called.unshift(child);
  }
  return called;
}
