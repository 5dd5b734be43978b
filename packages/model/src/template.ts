/** The text that a template gave, or a sentence on what is wrong with it. */
export type Rendered =
  | { readonly ok: true; readonly value: string }
  | { readonly ok: false; readonly error: string };

type Part =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "variable"; readonly name: string }
  | { readonly kind: "label"; readonly key: string };

const ACTION = /\{\{(- )?([\s\S]*?)( -)?\}\}/g;
const MAX_LENGTH = 4096;
const VARIABLE = /^\.([A-Za-z][A-Za-z0-9]*)$/;
const LABEL_CALL = /^label\s+(?:"([^"\\]*)"|`([^`]*)`)$/;

/**
 * Renders the part of Go's template language that MeshIdentity and HostnameGenerator need: `{{ .Name }}` for the
 * given variables and `{{ label "key" }}`. A label that the resource does not have is an error, as it is in Kuma.
 */
export function renderTemplate(
  template: string,
  variables: Readonly<Record<string, string>>,
  label: (key: string) => string | undefined,
): Rendered {
  const parts = parse(template);
  if (typeof parts === "string") return { ok: false, error: parts };
  let value = "";
  for (const part of parts) {
    if (part.kind === "text") value += part.text;
    else if (part.kind === "variable") {
      const found = Object.hasOwn(variables, part.name) ? variables[part.name] : undefined;
      if (found === undefined) {
        const known = Object.keys(variables).map((name) => `.${name}`);
        return { ok: false, error: `unknown variable .${part.name}, choose from ${known.join(", ")}` };
      }
      value += found;
    } else {
      const found = label(part.key);
      if (found === undefined) return { ok: false, error: `label "${part.key}" is not set` };
      value += found;
    }
  }
  return { ok: true, value };
}

/** Keys of the labels that a template reads; empty where it is malformed. */
export function templateLabels(template: string): readonly string[] {
  const parts = parse(template);
  return typeof parts === "string" ? [] : parts.flatMap((part) => (part.kind === "label" ? [part.key] : []));
}

/** Names of the variables that a template reads; empty where it is malformed. */
export function templateVariables(template: string): readonly string[] {
  const parts = parse(template);
  return typeof parts === "string"
    ? []
    : parts.flatMap((part) => (part.kind === "variable" ? [part.name] : []));
}

function parse(template: string): readonly Part[] | string {
  if (template.length > MAX_LENGTH) return `a template cannot be longer than ${MAX_LENGTH} characters`;
  const parts: Part[] = [];
  let end = 0;
  let trimNext = false;
  const addText = (text: string, trimEnd: boolean): void => {
    const start = trimNext ? text.trimStart() : text;
    parts.push({ kind: "text", text: trimEnd ? start.trimEnd() : start });
  };
  for (const action of template.matchAll(ACTION)) {
    const [whole, trimBefore, body = "", trimAfter] = action;
    addText(template.slice(end, action.index), trimBefore !== undefined);
    trimNext = trimAfter !== undefined;
    end = action.index + whole.length;
    const content = body.trim();
    const variable = VARIABLE.exec(content)?.[1];
    const call = LABEL_CALL.exec(content);
    if (variable !== undefined) parts.push({ kind: "variable", name: variable });
    else if (call !== null) parts.push({ kind: "label", key: call[1] ?? call[2] ?? "" });
    else
      return `cannot read {{ ${content} }}: write {{ .Name }} for a variable or {{ label "key" }} for a label`;
  }
  const rest = template.slice(end);
  if (rest.includes("{{")) return "a '{{' is not closed with '}}'";
  addText(rest, false);
  return parts;
}
