import { hash } from "node:crypto";
import { WeakValues } from "../weak-values.ts";
import { encodeFragment } from "./encode.ts";
import type { Fragment, XdsType } from "./fragment.ts";
import { Joining, type Piece } from "./joined.ts";

/**
 * Interns fragments: equal type, name, content and origins give the same object, encoded once. It holds its fragments
 * weakly, so a fragment lives exactly as long as some proxy's config, and nobody has to count references.
 *
 * Origins are part of the identity so that a rejected resource is never blamed on a policy that no longer exists; two
 * fragments that differ in origins only have equal versions, and proxies are not sent the second one.
 */
export class FragmentTable {
  readonly #entries = new WeakValues<Fragment>();
  readonly #origins = new WeakValues<readonly string[]>();
  readonly #originKeys = new WeakMap<readonly string[], string>();
  readonly #joining = new Joining();
  #known = 0;

  /** How many fragments there are. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * The one fragment of this content, encoded so that proxies can share it.
   *
   * @param content the encoded resource message, or what it is joined from: what goes into `Any.value`; it is not kept
   * @param origins KRIs of the policies that shaped it
   */
  intern(
    type: XdsType,
    name: string,
    content: Uint8Array | readonly Piece[],
    origins: readonly string[] = [],
  ): Fragment {
    const value = content instanceof Uint8Array ? content : this.#joining.of(content);
    const version = hash("sha1", value, "hex").slice(0, 16);
    const list = this.origins(origins);
    // Contents hold the names of their resources, so that others hardly ever have the same; those get longer keys.
    const short = version + this.originsKey(list);
    const first = this.#entries.get(short);
    const isFree = first === undefined || (first.type === type && first.name === name);
    const key = isFree ? short : `${short} ${type} ${name}`;
    const known = isFree ? first : this.#entries.get(key);
    if (known !== undefined) return known;
    const fragment = encodeFragment(type, name, version, value, list);
    this.#entries.set(key, fragment);
    return fragment;
  }

  /** One object for all equal lists of origins: hundreds of fragments have the same. */
  origins(list: readonly string[]): readonly string[] {
    if (this.#originKeys.has(list)) return list;
    const key = list.join("\0");
    const known = this.#origins.get(key);
    if (known !== undefined) return known;
    this.#origins.set(key, list);
    this.#originKeys.set(list, (this.#known++).toString(36));
    return list;
  }

  /** Tells a list that {@link origins} returned from all others, shortly. */
  originsKey(list: readonly string[]): string {
    return this.#originKeys.get(list) ?? "";
  }
}
