import assert from "node:assert/strict";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";

/** As much of an OpenAPI document as answers are held to. */
export interface Described {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
}

/** An answer of the API. */
export interface GivenAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

/** A method at a path as the document writes it, with no placeholder where it names all values. */
export interface DescribedOperation {
  readonly method: string;
  /** `{}` stands for a parameter. */
  readonly path: string;
  readonly id: string;
  readonly responses: Readonly<Record<string, DescribedResponse>>;
}

interface DescribedResponse {
  readonly content?: Readonly<Record<string, { readonly schema: object }>>;
}

interface PathParameter {
  readonly name: string;
  readonly in: string;
  readonly schema: { readonly enum?: readonly string[] };
}

/** Every operation of a document, once for each value of what stands for several paths. */
export function operationsOf({ paths }: Described): readonly DescribedOperation[] {
  return Object.entries(paths).flatMap(([path, { parameters = [], ...operations }]) =>
    expanded(path, parameters as readonly PathParameter[]).flatMap((each) =>
      Object.entries(operations).map(([method, operation]) => {
        const { operationId, responses } = operation as Pick<DescribedOperation, "responses"> & {
          readonly operationId: string;
        };
        return { method: method.toUpperCase(), path: each, id: operationId, responses };
      }),
    ),
  );
}

function expanded(path: string, parameters: readonly PathParameter[]): readonly string[] {
  const listed = parameters.find(({ name, schema }) => schema.enum && path.includes(`{${name}}`));
  if (listed === undefined) return [path.replaceAll(/\{[^}]+\}/g, "{}")];
  const values = listed.schema.enum ?? [];
  return values.flatMap((value) => expanded(path.replace(`{${listed.name}}`, value), parameters));
}

/** Holds answers to a document, and keeps account of the operations that were answered. */
export class DescribedAnswers {
  /** Ids of operations that were answered with what was asked for. */
  readonly fulfilled = new Set<string>();
  readonly #operations: readonly DescribedOperation[];
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true });
  readonly #validators = new Map<object, ValidateFunction>();

  constructor(document: Described) {
    this.#ajv.addFormat("date-time", (text: string) => !Number.isNaN(Date.parse(text)));
    this.#ajv.addFormat("base64", true);
    // What a document says is all that there is: a field that nobody described is a failure, too.
    this.#ajv.addSchema({ $id: "api", components: closed(document.components) });
    this.#operations = operationsOf(document);
  }

  /** Fails where the request or its answer is not as the document says. */
  check(method: string, url: string, { status, contentType, text }: GivenAnswer): void {
    const operation = this.#find(method, url);
    const asked = `${method} ${url}: ${status}`;
    const response = operation.responses[status];
    assert.ok(response, `${asked} is not among the answers of ${operation.id}: ${text.slice(0, 500)}`);
    const type = contentType.split(";")[0] ?? "";
    const { schema } = response.content?.[type] ?? {};
    if (text === "" && status >= 400) return;
    assert.ok(schema, `${asked}: ${operation.id} does not answer with ${type}`);
    const value: unknown = type === "application/json" ? JSON.parse(text) : text;
    const validate = this.#validator(schema);
    if (!validate(value)) {
      const errors = (validate.errors ?? []).slice(0, 12).map(({ instancePath, message, params }) => {
        return `${instancePath} ${message} ${JSON.stringify(params)}`;
      });
      assert.fail(`${asked} is not as ${operation.id} says:\n${errors.join("\n")}\n${text.slice(0, 2000)}`);
    }
    if (status < 300) this.fulfilled.add(operation.id);
  }

  #find(method: string, url: string): DescribedOperation {
    const segments = (url.split("?", 1)[0] ?? "").split("/");
    const found = this.#operations
      .filter((each) => each.method === method && matches(each.path.split("/"), segments))
      .toSorted((a, b) => a.path.split("{}").length - b.path.split("{}").length)[0];
    assert.ok(found, `${method} ${url} is not described`);
    return found;
  }

  #validator(schema: object): ValidateFunction {
    const known = this.#validators.get(schema);
    if (known !== undefined) return known;
    const text = JSON.stringify(schema).replaceAll('"#/components', '"api#/components');
    const made = this.#ajv.compile(JSON.parse(text));
    this.#validators.set(schema, made);
    return made;
  }
}

function matches(pattern: readonly string[], segments: readonly string[]): boolean {
  return (
    pattern.length === segments.length &&
    pattern.every((part, i) => (part === "{}" ? segments[i] !== "" : part === segments[i]))
  );
}

/** The same schemas, of which no object may have more than what they name. */
function closed(schema: unknown, isPart = false): unknown {
  if (Array.isArray(schema)) return schema.map((each) => closed(each, isPart));
  if (typeof schema !== "object" || schema === null) return schema;
  const inner = Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [
      key,
      closed(value, key === "allOf" || (isPart && key === "anyOf")),
    ]),
  );
  const isObject = "properties" in schema || "allOf" in schema;
  const isOpen = isPart || "additionalProperties" in schema;
  return isObject && !isOpen ? { ...inner, unevaluatedProperties: false } : inner;
}
