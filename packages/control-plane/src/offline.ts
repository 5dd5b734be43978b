/**
 * The pure part of the control plane for programs that have no control plane: documents in, answers out. Loads no server
 * and no store.
 */

export { CODES, type Code, type CodeDefinition, type Severity } from "./analyze/codes.ts";
export type { Finding } from "./analyze/finding.ts";
export { defaultPolicyNames } from "./defaults/default-policies.ts";
export { type Explanation, type Question, type QuestionProblem, VERDICTS } from "./explain/explanation.ts";
export { type OfflineEngine, offlineEngine } from "./offline/engine.ts";
