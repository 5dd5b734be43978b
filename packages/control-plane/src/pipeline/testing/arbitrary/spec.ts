import fc from "fast-check";
import type { Document } from "./document.ts";
import { app } from "./names.ts";
import { anyTarget, callerMatch, wholeMesh } from "./targets.ts";

/* The forms in which a policy can say something: each makes a spec of what a `default` holds. */

/** Says it of calls to others. */
export const to = (conf: fc.Arbitrary<Document>, target: fc.Arbitrary<Document> = anyTarget) =>
  fc
    .array(fc.record({ targetRef: target, default: conf }), { minLength: 1, maxLength: 2 })
    .map((entries): Document => ({ to: entries }));

/** Says it of calls by others. */
export const from = (conf: fc.Arbitrary<Document>, target: fc.Arbitrary<Document> = fc.constant(wholeMesh)) =>
  fc
    .array(fc.record({ targetRef: target, default: conf }), { minLength: 1, maxLength: 2 })
    .map((entries): Document => ({ from: entries }));

/** Says it of all inbounds. */
export const rules = (conf: fc.Arbitrary<Document>) =>
  conf.map((each): Document => ({ rules: [{ default: each }] }));

const section = fc.constantFrom("8080", "p8080", "8081");

/** Rules may be about some callers. */
export const byCaller = (conf: fc.Arbitrary<Document>) =>
  fc
    .array(fc.tuple(fc.array(callerMatch, { maxLength: 2 }), conf), { minLength: 1, maxLength: 3 })
    .map((entries): Document => ({ rules: entries.map(([matches, each]) => ({ matches, default: each })) }));

/** Rules may be about one inbound. */
export const sectioned = (conf: fc.Arbitrary<Document>) =>
  fc.tuple(rules(conf), section, app).map(
    ([block, sectionName, label]): Document => ({
      ...block,
      targetRef: { kind: "Dataplane", labels: { app: label }, sectionName },
    }),
  );
