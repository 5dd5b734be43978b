import * as z from "zod";

/** A value as JSON shows it: what is undefined is not there. */
export type Shown<T> = T extends readonly (infer Item)[]
  ? readonly Shown<Item>[]
  : T extends object
    ? { readonly [K in keyof T as undefined extends T[K] ? never : K]: Shown<T[K]> } & {
        readonly [K in keyof T as undefined extends T[K] ? K : never]?: Shown<Exclude<T[K], undefined>>;
      }
    : T;

/** A schema that leaves out a field of what it describes. */
type Complete<T, Schema extends z.ZodType> = keyof T extends keyof z.output<Schema>
  ? unknown
  : { readonly leftOut: Exclude<keyof T, keyof z.output<Schema>> };

/**
 * The schema of a type of this code base. The compiler refuses one that says something else of a field, and one that
 * leaves a field out.
 */
export function describes<T>() {
  return <Schema extends z.ZodType<Shown<T>>>(schema: Schema & Complete<T, Schema>): Schema => schema;
}

/** A text that is a member of a union: the compiler asks for all of them. */
export function choice<T extends string>(members: Readonly<Record<T, true>>): z.ZodType<T> {
  return z.enum(Object.keys(members) as T[]);
}
