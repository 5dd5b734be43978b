import { listAt, objectAt, textAt, valueAt } from "../read.ts";
import type { Paint } from "./color.ts";
import { nameOfKri, withNames } from "./kri.ts";

/** Turns a document into text, as YAML. */
export type ToText = (value: unknown) => string;

const WORDS: Readonly<Record<string, readonly [word: string, color: "green" | "red" | "yellow"]>> = {
  pass: ["ok", "green"],
  warn: ["note", "yellow"],
  stop: ["STOP", "red"],
};

/**
 * An explanation for a person: first what becomes of the request and why, then every hop with the rule behind each value,
 * last what would let a refused request through.
 */
export function renderExplanation(answer: unknown, paint: Paint, toText: ToText): string {
  const lines = [...headline(answer, paint), ""];
  for (const hop of listAt(answer, "hops")) lines.push(...hopLines(hop, paint));
  const branches = listAt(answer, "branches");
  for (const branch of branches) {
    if (branches.length > 1) lines.push("", ...branchHead(branch, paint));
    for (const hop of listAt(branch, "hops")) lines.push(...hopLines(hop, paint));
  }
  for (const other of listAt(answer, "otherwise")) {
    lines.push(
      "",
      `From ${textAt(other, "dataplane")} it is ${textAt(other, "verdict")}: ${textAt(other, "reason")}`,
    );
  }
  lines.push(...remedyLines(valueAt(answer, "remedy"), toText));
  return `${lines.join("\n")}\n`;
}

function headline(answer: unknown, paint: Paint): readonly string[] {
  const { name, port, protocol } = Object.fromEntries(
    ["name", "port", "protocol"].map((key) => [key, textAt(answer, "destination", key)]),
  );
  const request = valueAt(answer, "request");
  const what = request ? `${textAt(request, "method")} ${textAt(request, "path")}` : "a connection";
  const verdict = textAt(answer, "verdict");
  const origin = originText(valueAt(answer, "decidedBy"));
  return [
    `${textAt(answer, "source", "workload")} -> ${name}:${port}${protocol === "" ? "" : ` (${protocol})`}: ${what}`,
    `${paint(verdict === "allowed" ? "green" : "red", verdict.toUpperCase())}  ${textAt(answer, "reason")}${origin === "" ? "" : `  [${origin}]`}`,
    `The caller gets ${textAt(answer, "seen")}.`,
    ...rewritten(answer),
  ];
}

/** What a route has changed of the request. */
function rewritten(answer: unknown): readonly string[] {
  const [path, host] = [textAt(answer, "sent", "path"), textAt(answer, "sent", "host")];
  const changes = [
    ...(path === "" || path === textAt(answer, "request", "path") ? [] : [path]),
    ...(host === "" ? [] : [`host ${host}`]),
    ...Object.entries(objectAt(answer, "sent", "headers")).map(([name, value]) =>
      value === null ? `no ${name}` : `${name}: ${String(value)}`,
    ),
  ];
  const copies = listAt(answer, "copies")
    .filter((each) => textAt(each, "backend") !== "")
    .map((each) => `${textAt(each, "share")}% of the requests are copied to ${textAt(each, "backend")}.`);
  return [...(changes.length === 0 ? [] : [`The application sees ${changes.join(", ")}.`]), ...copies];
}

function branchHead(branch: unknown, paint: Paint): readonly string[] {
  const instances = listAt(branch, "instances").map(String).join(", ");
  const verdict = textAt(branch, "verdict");
  const where = instances === "" ? textAt(branch, "backend") : `${textAt(branch, "backend")} at ${instances}`;
  return [
    `${textAt(branch, "share")}% to ${where}: ${paint(verdict === "allowed" ? "green" : "red", verdict)}`,
  ];
}

function hopLines(hop: unknown, paint: Paint): readonly string[] {
  const [word, color] = WORDS[textAt(hop, "outcome")] ?? ["?", "yellow"];
  const facts = listAt(hop, "facts").map((fact) => [
    textAt(fact, "name"),
    textAt(fact, "value"),
    originText(valueAt(fact, "origin")),
  ]);
  const width = (column: number): number => Math.max(0, ...facts.map((fact) => (fact[column] ?? "").length));
  const [names, values] = [width(0), Math.min(width(1), 40)];
  return [
    `${paint(color, word.padEnd(4))} ${textAt(hop, "at").padEnd(11)} ${textAt(hop, "text")}`,
    ...facts.map(([name = "", value = "", origin = ""]) =>
      `       ${name.padEnd(names)}  ${origin === "" ? value : `${value.padEnd(values)}  ${paint("dim", origin)}`}`.trimEnd(),
    ),
  ];
}

function originText(origin: unknown): string {
  const policy = textAt(origin, "policy");
  return policy === "" ? "" : `${nameOfKri(policy)} ${textAt(origin, "rule")}`;
}

function remedyLines(remedy: unknown, toText: ToText): readonly string[] {
  const text = textAt(remedy, "text");
  if (text === "") return [];
  const document = objectAt(remedy, "document");
  const body = Object.keys(document).length === 0 ? [] : toText(document).trimEnd().split("\n");
  return [
    "",
    `To let it through: ${withNames(text)}${body.length === 0 ? "." : ":"}`,
    ...body.map((line) => `  ${line}`),
  ];
}
