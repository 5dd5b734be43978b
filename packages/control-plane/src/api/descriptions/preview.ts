import * as z from "zod";
import { ADDRESSED_TYPES, type AddressedType } from "../../naming/addressed.ts";
import type {
  AccessChange,
  Difference,
  Effects,
  FieldChange,
  NameChange,
  ProxyGroup,
  ResourceChange,
} from "../../preview/report.ts";
import { type DocumentOutcome, previewBody } from "../preview.ts";
import { accessVerdict, outside } from "./access.ts";
import { caller, origin, xdsType } from "./common.ts";
import { choice, describes } from "./describes.ts";
import { allSchema, json, problem, query, text as textAnswer, time } from "./parts.ts";
import type { Topic } from "./topic.ts";

const text = z.string();
const texts = allSchema(text);

const outcome = describes<DocumentOutcome>()(
  z.object({
    type: text,
    mesh: text,
    name: text,
    outcome: z.enum(["created", "updated", "unchanged", "deleted", "refused"]),
    warnings: z.array(text),
    problem: z.unknown().optional().describe("What the real write would answer: an `Error`."),
  }),
);

const resource = describes<ResourceChange>()(
  z.object({ type: xdsType, name: text, change: z.enum(["added", "changed", "removed"]) }),
);

const group = describes<ProxyGroup>()(
  z.object({ mesh: text, proxies: texts, resources: allSchema(resource) }),
);

const access = describes<AccessChange>()(
  z.object({
    mesh: text,
    source: text,
    destination: text,
    port: z.int(),
    outside: outside.exactOptional(),
    before: accessVerdict.exactOptional(),
    after: accessVerdict.exactOptional(),
    change: choice<AccessChange["change"]>({
      "newly-allowed": true,
      "newly-denied": true,
      "newly-encrypted": true,
      "newly-plaintext": true,
      "newly-unchecked": true,
      "newly-checked": true,
      "newly-unreachable": true,
      "newly-differs": true,
      appears: true,
      disappears: true,
    }),
    policy: text.nullable(),
    reason: text,
  }),
);

const field = describes<FieldChange>()(
  z.object({
    mesh: text,
    part: z.enum(["proxy", "inbound", "outbound"]),
    kind: text.exactOptional().describe("Of the policy; absent for what no policy decides."),
    field: text,
    caller: caller.exactOptional(),
    route: text.exactOptional(),
    before: z.unknown().optional(),
    after: z.unknown().optional(),
    origin: origin.exactOptional(),
    places: texts.describe("Sections of inbounds and of listeners of gateways, or KRIs of destinations."),
    proxies: texts,
  }),
);

const difference = describes<Difference>()(z.object({ added: z.array(text), removed: z.array(text) }));

const name = describes<NameChange>()(
  z.object({
    mesh: text,
    type: z.enum(ADDRESSED_TYPES as AddressedType[]),
    name: text,
    change: z.enum(["appears", "changes", "goes"]),
    hostnames: difference,
    addresses: difference,
    goesAt: time().exactOptional(),
  }),
);

const effects = describes<Effects>()(
  z.object({
    revision: z.int().describe("Of the store that the answer starts from."),
    proxies: z.object({ total: z.int(), changed: z.int(), groups: allSchema(group) }),
    access: allSchema(access),
    diff: allSchema(field),
    names: allSchema(name),
    notes: z.array(text).describe("What has to be known to read the rest."),
  }),
);

/** What writes and deletions would do. */
export const PREVIEW: Topic = {
  paths: {
    "/_preview": {
      post: {
        ...{ id: "previewChanges", tag: "Preview" },
        summary: "What writes and deletions would do, all of them as one change",
        parameters: [
          query("validate", "What to do about unknown fields.", {
            type: "string",
            enum: ["strict", "warn", "ignore"],
            default: "warn",
          }),
        ],
        body: "PreviewRequest",
        answers: {
          200: json("Preview", "What would be. Lists are cut; `total` says how long they are."),
          400: problem("It is no list of changes."),
          403: problem("The caller may not write this."),
          413: problem("The body is too large."),
          415: textAnswer("The body does not say that it is JSON."),
          503: problem("Too many previews wait already."),
        },
      },
    },
  },
  schemas: {
    PreviewRequest: previewBody,
    Preview: effects.extend({ documents: z.array(outcome) }),
    DocumentOutcome: outcome,
    ProxyGroup: group,
    AccessChange: access,
    FieldChange: field,
    NameChange: name,
  },
};
