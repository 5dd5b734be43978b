/**
 * Of many small blocks that stay each would otherwise be a buffer of its own, which costs more than what is in it. A slab
 * stays while any of its blocks does: it is small, so that what is left over of old ones does not add up.
 */
export class Slabs {
  #slab = NONE;
  #used = 0;

  /** A block of so many bytes, with anything in it. */
  take(size: number): Buffer {
    if (size > MOST_SHARED) return Buffer.allocUnsafeSlow(size);
    if (this.#used + size > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB);
      this.#used = 0;
    }
    const from = this.#used;
    this.#used += size;
    return this.#slab.subarray(from, this.#used);
  }
}

const NONE = Buffer.alloc(0);
const SLAB = 8_192;
const MOST_SHARED = 2_048;
