import assert from "node:assert/strict";
import { test } from "node:test";
import * as z from "zod";
import { choice, describes } from "./describes.ts";

interface Thing {
  readonly name: string;
  readonly state: "on" | "off";
  readonly maybe: number | undefined;
  readonly note?: string;
}
const whole = {
  name: z.string(),
  state: z.enum(["on", "off"]),
  maybe: z.int().exactOptional(),
  note: z.string().exactOptional(),
};

test("the compiler holds schemas to types, and gives them back as they are", () => {
  const schema = z.object(whole);
  assert.equal(describes<Thing>()(schema), schema);
  const { note: _, ...withoutNote } = whole;
  // @ts-expect-error: a field is left out, though nobody has to set it
  describes<Thing>()(z.object(withoutNote));
  // @ts-expect-error: a field has another type
  describes<Thing>()(z.object({ ...whole, name: z.int() }));
  // @ts-expect-error: a value is not one of the type's
  describes<Thing>()(z.object({ ...whole, state: z.enum(["on", "off", "away"]) }));
  // @ts-expect-error: a field may be missing that always is there
  describes<Thing>()(z.object({ ...whole, name: z.string().exactOptional() }));
});

test("a choice has every member of a union", () => {
  const schema = choice<Thing["state"]>({ on: true, off: true });
  assert.deepEqual([schema.safeParse("on").success, schema.safeParse("away").success], [true, false]);
  // @ts-expect-error: a member is left out
  choice<Thing["state"]>({ on: true });
});
