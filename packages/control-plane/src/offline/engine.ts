import { coreKinds, type NewResource, type Resource } from "@skein/model";
import { policyKinds } from "@skein/policies/kinds";
import { analyze } from "../analyze/analyze.ts";
import type { Finding } from "../analyze/finding.ts";
import { explain } from "../explain/explain.ts";
import type { Explanation, Question, QuestionProblem } from "../explain/explanation.ts";
import type { Outcome } from "../identity/outcome.ts";
import { offlineWorld } from "./world.ts";

/** A control plane's answers without a control plane. */
export interface OfflineEngine {
  readonly meshes: readonly string[];
  /** What was assumed because the documents do not say it. */
  readonly assumptions: readonly string[];
  /** What would happen to a request once these documents are applied and settled. */
  explain(question: Question): Outcome<Explanation, QuestionProblem>;
  /** What in a mesh is probably not what its people want; certificates are judged at `now`. */
  analyze(mesh: string, now: number): readonly Finding[];
}

/** The engine over documents that have passed the checks of their kinds. Free of I/O. */
export function offlineEngine(documents: readonly NewResource[], zone?: string): OfflineEngine {
  const { world, resources, assumptions } = offlineWorld(documents, zone);
  const kinds = [...coreKinds, ...policyKinds];
  return {
    meshes: resources.filter(({ type }) => type === "Mesh").map(({ name }) => name),
    assumptions,
    explain: (question) => explain(world.mesh(question.mesh), question),
    analyze: (mesh, now) => analyze({ mesh: world.mesh(mesh), resources, kinds, secret: secretText, now }),
  };
}

function secretText({ spec }: Resource): string | undefined {
  const data: unknown = Reflect.get(Object(spec), "data");
  return typeof data === "string" ? Buffer.from(data, "base64").toString("utf8") : undefined;
}
