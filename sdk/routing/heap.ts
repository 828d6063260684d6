/** A priority queue of whole numbers, least key first. Four children a node: fewer levels, and siblings share a line of the cache. */
export class Heap {
  /** How many there are. */
  size = 0
  #keys = new Float64Array(256)
  #items = new Int32Array(256)

  /** The least key; Infinity if there is none. */
  get least(): number {
    return this.size === 0 ? Number.POSITIVE_INFINITY : this.#keys[0]!
  }

  /** The item with the least key; there must be one. */
  get first(): number {
    return this.#items[0]!
  }

  clear(): void {
    this.size = 0
  }

  push(key: number, item: number): void {
    if (this.size === this.#keys.length) this.#grow()
    const keys = this.#keys
    const items = this.#items
    let at = this.size++
    while (at > 0) {
      const parent = (at - 1) >> 2
      if (keys[parent]! <= key) break
      keys[at] = keys[parent]!
      items[at] = items[parent]!
      at = parent
    }
    keys[at] = key
    items[at] = item
  }

  /** Takes the item with the least key out; there must be one. */
  pop(): number {
    const keys = this.#keys
    const items = this.#items
    const top = items[0]!
    const size = --this.size
    const key = keys[size]!
    const item = items[size]!
    let at = 0
    for (;;) {
      const first = 4 * at + 1
      if (first >= size) break
      const end = Math.min(first + 4, size)
      let least = first
      for (let child = first + 1; child < end; child++) if (keys[child]! < keys[least]!) least = child
      if (keys[least]! >= key) break
      keys[at] = keys[least]!
      items[at] = items[least]!
      at = least
    }
    keys[at] = key
    items[at] = item
    return top
  }

  #grow(): void {
    const keys = new Float64Array(2 * this.#keys.length)
    const items = new Int32Array(2 * this.#items.length)
    keys.set(this.#keys)
    items.set(this.#items)
    this.#keys = keys
    this.#items = items
  }
}
