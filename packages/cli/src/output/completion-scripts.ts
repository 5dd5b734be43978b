import type { CompletionNode } from "../commands/completion.ts";

/** A bash script: one `case` over the command words typed so far. */
export function bashScript(program: string, nodes: readonly CompletionNode[]): string {
  const cases = nodes.map((node) => {
    const flags = node.options.flatMap((option) => option.flags).join(" ");
    return `    ${quote(node.path)}) words=${quote(node.words.map(({ word }) => word).join(" "))}; flags=${quote(flags)} ;;`;
  });
  return `# bash completion for ${program}; source it, or put it where bash-completion looks
${pathFunction(program, nodes)}
_${program}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" words="" flags=""
  case "$previous" in
    ${fileFlags(nodes).join("|")}) COMPREPLY=($(compgen -f -- "$current")); return ;;
    ${valueFlags(nodes).join("|")}) COMPREPLY=(); return ;;
  esac
  case "$(_${program}_path "\${COMP_WORDS[@]:1:COMP_CWORD-1}")" in
${cases.join("\n")}
  esac
  if [[ "$current" == -* ]]; then words="$flags"; fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _${program} ${program}
`;
}

/** A zsh script: the same cases, with descriptions. */
export function zshScript(program: string, nodes: readonly CompletionNode[]): string {
  const cases = nodes.map((node) => {
    const words = node.words.map(({ word, description }) => quote(zshItem(word, description)));
    const flags = node.options.flatMap((option) =>
      option.flags.map((flag) => quote(zshItem(flag, option.description))),
    );
    return `    ${quote(node.path)}) words_here=(${words.join(" ")}); flags_here=(${flags.join(" ")}) ;;`;
  });
  return `#compdef ${program}
# zsh completion for ${program}; put it into a directory of $fpath as _${program}, or source it after compinit
${pathFunction(program, nodes)}
_${program}() {
  local -a words_here flags_here
  case "$words[CURRENT-1]" in
    ${fileFlags(nodes).join("|")}) _files; return ;;
    ${valueFlags(nodes).join("|")}) return ;;
  esac
  case "$(_${program}_path "\${(@)words[2,CURRENT-1]}")" in
${cases.join("\n")}
  esac
  if [[ "$words[CURRENT]" == -* ]]; then _describe option flags_here; else _describe command words_here; fi
}
if [[ "$funcstack[1]" == "_${program}" ]]; then _${program} "$@"; else compdef _${program} ${program}; fi
`;
}

/** A fish script: one rule per word and option. */
export function fishScript(program: string, nodes: readonly CompletionNode[]): string {
  const valued = valueFlags(nodes).join(" ");
  const rules = nodes.flatMap((node) => {
    const when = `-n ${quote(`__${program}_at ${quoteFish(node.path)}`)}`;
    const words = node.words.map(
      ({ word, description }) =>
        `complete -c ${program} -f ${when} -a ${quote(word)}${fishDescription(description)}`,
    );
    const options = node.options.map((option) => {
      const names = option.flags.map((flag) =>
        flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
      );
      const value = option.takesFile ? " -r -F" : option.takesValue ? " -x" : " -f";
      return `complete -c ${program} ${when} ${names.join(" ")}${value}${fishDescription(option.description)}`;
    });
    return [...words, ...options];
  });
  const paths = nodes.filter((node) => node.path !== "").map((node) => quoteFish(node.path));
  return `# fish completion for ${program}; put it into ~/.config/fish/completions/${program}.fish
function __${program}_at
    set -l path ''
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
        else if contains -- $word ${valued}
            set skip 1
        else if not string match -q -- '-*' $word
            set -l longer (string trim "$path $word")
            if contains -- $longer ${paths.join(" ")}
                set path $longer
            end
        end
    end
    test "$path" = "$argv[1]"
end
${rules.join("\n")}
`;
}

/** A POSIX-shell function that prints the command that the words so far name, leaving out options and their values. */
function pathFunction(program: string, nodes: readonly CompletionNode[]): string {
  const paths = nodes.filter((node) => node.path !== "").map((node) => quote(node.path));
  return `_${program}_path() {
  local path="" skip="" word longer
  for word in "$@"; do
    if [[ -n "$skip" ]]; then skip=""; continue; fi
    case "$word" in
      ${valueFlags(nodes).join("|")}) skip=1; continue ;;
      -*) continue ;;
    esac
    longer="\${path:+$path }$word"
    case "$longer" in
      ${paths.join("|")}) path="$longer" ;;
    esac
  done
  printf '%s' "$path"
}`;
}

function valueFlags(nodes: readonly CompletionNode[]): readonly string[] {
  return unique(nodes, (option) => option.takesValue);
}

function fileFlags(nodes: readonly CompletionNode[]): readonly string[] {
  return unique(nodes, (option) => option.takesFile);
}

function unique(
  nodes: readonly CompletionNode[],
  isWanted: (option: CompletionNode["options"][number]) => boolean,
): readonly string[] {
  return [
    ...new Set(nodes.flatMap((node) => node.options.filter(isWanted).flatMap((option) => option.flags))),
  ];
}

function zshItem(word: string, description: string): string {
  const name = word.replaceAll(":", "\\:");
  return description === "" ? name : `${name}:${description}`;
}

function fishDescription(description: string): string {
  return description === "" ? "" : ` -d ${quote(description)}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function quoteFish(text: string): string {
  return `"${text}"`;
}
