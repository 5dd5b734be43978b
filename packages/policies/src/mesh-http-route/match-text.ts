import type { HttpMatch } from "./conf.ts";

/** A match in a line for people; equal matches have equal texts. */
export function matchText({ path, method, headers = [], queryParams = [] }: HttpMatch): string {
  const parts = [
    ...(path === undefined ? [] : [`${path.type} ${path.value}`]),
    ...(method === undefined ? [] : [`method ${method}`]),
    ...headers.map(({ name, type = "Exact", value }) =>
      [`header ${name}`, type, ...(value === undefined ? [] : [JSON.stringify(value)])].join(" "),
    ),
    ...queryParams.map(({ name, type, value }) => `query ${name} ${type} ${JSON.stringify(value)}`),
  ];
  return parts.length === 0 ? "any request" : parts.join(", ");
}
