import type { Command, Option } from "commander";
import { isValueOptional } from "../program/normalize-arguments.ts";
import type { Session } from "../session.ts";

/** What can follow a command: its words, and its options by how they take values. */
export interface CompletionNode {
  /** The words that lead here, `""` for the program itself. */
  readonly path: string;
  readonly words: readonly { readonly word: string; readonly description: string }[];
  readonly options: readonly {
    readonly flags: readonly string[];
    readonly description: string;
    readonly takesValue: boolean;
    readonly takesFile: boolean;
  }[];
}

/** `completion SHELL`: a script made from the command tree, to be sourced. */
export async function printCompletion(
  session: Session,
  program: Command,
  shell: "bash" | "zsh" | "fish",
): Promise<void> {
  const kinds = (await session.kinds()).all;
  const words = {
    singular: kinds.map((kind) => kind.cli.singular).sort(),
    plural: kinds.map((kind) => kind.cli.plural).sort(),
    policies: kinds
      .filter((kind) => kind.policy !== undefined)
      .map((kind) => kind.cli.singular)
      .sort(),
  };
  const extra: Readonly<Record<string, readonly string[]>> = {
    get: [...words.plural, ...words.singular],
    delete: words.singular,
    inspect: words.policies,
    completion: ["bash", "zsh", "fish"],
  };
  const nodes = describeTree(program, extra);
  const { bashScript, fishScript, zshScript } = await import("../output/completion-scripts.ts");
  const name = session.io.programName;
  session.io.out({ bash: bashScript, zsh: zshScript, fish: fishScript }[shell](name, nodes));
}

/** Flattens a command tree; `extra` are arguments that are no commands, by path. */
export function describeTree(
  program: Command,
  extra: Readonly<Record<string, readonly string[]>> = {},
): readonly CompletionNode[] {
  const globals = program.options;
  const visit = (command: Command, path: string): readonly CompletionNode[] => {
    const children = command.commands.map((child) => ({
      word: child.name(),
      description: child.description(),
    }));
    const known = new Set(children.map(({ word }) => word));
    const additional = (extra[path] ?? []).filter((word) => !known.has(word));
    const node = {
      path,
      words: [...children, ...additional.map((word) => ({ word, description: "" }))],
      options: [...new Set([...command.options, ...globals])].map(describeOption),
    };
    return [node, ...command.commands.flatMap((child) => visit(child, `${path} ${child.name()}`.trim()))];
  };
  return visit(program, "");
}

function describeOption(option: Option): CompletionNode["options"][number] {
  return {
    flags: [option.long, option.short].filter((flag) => flag !== undefined),
    description: option.description,
    takesValue: option.required && !isValueOptional(option),
    takesFile: /(file|path)$/.test(option.long ?? ""),
  };
}
