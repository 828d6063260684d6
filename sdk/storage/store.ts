/** A change of one key; `value: null` removes it. Keys are UTF-8 strings of at most 512 bytes. */
export interface Write {
  readonly key: string
  readonly value: Uint8Array | null
}

/**
 * The port to durable memory: an ordered map of keys. Everything a node must not forget goes through `commit`.
 * Adapters: memory, `node:sqlite`, IndexedDB; PostgreSQL can follow. One process owns a store at a time.
 */
export interface Store {
  /** What the last resolved commit left; `undefined` if nothing. */
  get(key: string): Promise<Uint8Array | undefined>
  /** Entries whose key starts with `prefix`, ascending by key, from `after` (exclusive) on. */
  list(prefix: string, after?: string): AsyncIterable<readonly [string, Uint8Array]>
  /**
   * Atomic; durable (fsynced) when the promise resolves, in the order asked for. Commits asked for in the same turn share one fsync.
   * The values must not change before it resolves. Once it rejected with `STORE_FROZEN`, every later commit does: sign nothing more.
   */
  commit(writes: readonly Write[]): Promise<void>
  close(): Promise<void>
}
