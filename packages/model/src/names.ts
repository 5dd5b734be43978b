import type { Violation } from "./violation.ts";

const DNS_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const SUBDOMAIN = new RegExp(`^${DNS_LABEL}(\\.${DNS_LABEL})*$`);
const LABEL = new RegExp(`^${DNS_LABEL}$`);
const DNS_1035_LABEL = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const MESH_REFERENCE = /^[0-9a-z\-_.]*$/;
const QUALIFIED_NAME = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;

/** A lowercase RFC 1123 subdomain of at most 253 characters: what every resource name must be. */
export function isDnsSubdomain(text: string): boolean {
  return text.length <= 253 && SUBDOMAIN.test(text);
}

/** A lowercase RFC 1123 label of at most 63 characters. */
export function isDnsLabel(text: string): boolean {
  return text.length <= 63 && LABEL.test(text);
}

/** A lowercase RFC 1035 label of at most 63 characters: like `isDnsLabel`, but it starts with a letter. */
export function isDns1035Label(text: string): boolean {
  return text.length <= 63 && DNS_1035_LABEL.test(text);
}

/** What is wrong with a resource name, at most one violation. */
export function validateName(name: string, field = "name"): readonly Violation[] {
  if (name === "") return [{ field, reason: "cannot be empty" }];
  if (name.length > 253) return [{ field, reason: "value length must less or equal 253" }];
  if (SUBDOMAIN.test(name)) return [];
  return [
    {
      field,
      reason:
        "invalid characters. A lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, " +
        "'-' or '.', and must start and end with an alphanumeric character",
    },
  ];
}

/** What is wrong with the name of the mesh that a resource belongs to; looser than names, for meshes with `_`. */
export function validateMeshReference(mesh: string, field = "mesh"): readonly Violation[] {
  if (mesh === "") return [{ field, reason: "cannot be empty" }];
  if (mesh.length > 253) return [{ field, reason: "value length must less or equal 253" }];
  if (MESH_REFERENCE.test(mesh)) return [];
  return [
    {
      field,
      reason: "invalid characters. Valid characters are numbers, lowercase latin letters, '-', '_' and '.'",
    },
  ];
}

/** Sentences on what is wrong with a label key, by the rules of Kubernetes' qualified names. */
export function labelKeyProblems(key: string): readonly string[] {
  const slash = key.indexOf("/");
  if (slash !== key.lastIndexOf("/")) {
    return [`label key "${key}" must be a name with at most one prefix, as in example.com/my-name`];
  }
  const problems: string[] = [];
  const prefix = slash < 0 ? undefined : key.slice(0, slash);
  const name = key.slice(slash + 1);
  if (prefix === "") problems.push("prefix part must be non-empty");
  else if (prefix !== undefined && !isDnsSubdomain(prefix)) {
    problems.push("prefix part must be a lowercase DNS subdomain of no more than 253 characters");
  }
  if (name === "") problems.push("name part must be non-empty");
  else {
    if (name.length > 63) problems.push("name part must be no more than 63 characters");
    if (!QUALIFIED_NAME.test(name)) {
      problems.push(
        "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
      );
    }
  }
  return problems;
}

/** Sentences on what is wrong with a label value, by the rules of Kubernetes. */
export function labelValueProblems(value: string): readonly string[] {
  const problems: string[] = [];
  if (value.length > 63) problems.push("must be no more than 63 characters");
  if (value !== "" && !QUALIFIED_NAME.test(value)) {
    problems.push(
      "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
    );
  }
  return problems;
}
