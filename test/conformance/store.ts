import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { expect } from 'chai'
import fc from 'fast-check'
import { StoreError } from '../../sdk/storage/errors.ts'
import type { Store } from '../../sdk/storage/store.ts'

/** What an adapter brings to be tested: a fresh store, and a way to be rid of it. */
export interface StoreFixture {
  readonly store: Store
  readonly dispose: () => Promise<void>
}

export const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)

const hexOf = (text: string): string => bytesToHex(utf8ToBytes(text))

export async function entriesOf(store: Store, prefix = '', after?: string): Promise<[string, number[]][]> {
  const entries: [string, number[]][] = []
  for await (const [key, value] of store.list(prefix, after)) entries.push([key, [...value]])
  return entries
}

/** The code of the StoreError that `promise` rejects with. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (error) {
    if (error instanceof StoreError) return error.code
    throw error
  }
  throw new Error('Nothing was thrown.')
}

/** What every adapter of the store port must do. */
export function storeConformance(name: string, open: () => Promise<StoreFixture>): void {
  describe(`${name} as a store`, () => {
    let fixture: StoreFixture
    let store: Store

    beforeEach(async () => {
      fixture = await open()
      store = fixture.store
    })

    afterEach(() => fixture.dispose())

    it('knows nothing of a key that was never written', async () => {
      expect(await store.get('nobody')).to.equal(undefined)
      expect(await entriesOf(store)).to.deep.equal([])
    })

    it('gives back what was committed, empty values included', async () => {
      await store.commit([
        { key: 'a', value: bytes(1, 2, 3) },
        { key: 'b', value: bytes() },
      ])
      expect([...(await store.get('a'))!]).to.deep.equal([1, 2, 3])
      expect([...(await store.get('b'))!]).to.deep.equal([])
    })

    it('overwrites, removes, and lets the last write of a commit win', async () => {
      await store.commit([{ key: 'a', value: bytes(1) }])
      await store.commit([
        { key: 'a', value: bytes(2) },
        { key: 'b', value: bytes(3) },
        { key: 'b', value: null },
        { key: 'c', value: null },
        { key: 'c', value: bytes(4) },
      ])
      expect(await entriesOf(store)).to.deep.equal([
        ['a', [2]],
        ['c', [4]],
      ])
    })

    it('takes an empty commit', async () => {
      await store.commit([])
      expect(await entriesOf(store)).to.deep.equal([])
    })

    it('keeps its own copy of a value', async () => {
      const value = bytes(1)
      await store.commit([{ key: 'a', value }])
      value[0] = 9
      ;(await store.get('a'))![0] = 8
      for await (const [, listed] of store.list('a')) listed[0] = 7
      expect([...(await store.get('a'))!]).to.deep.equal([1])
    })

    it('applies commits of one turn in the order in which they were asked for', async () => {
      await Promise.all([1, 2, 3].map((n) => store.commit([{ key: 'a', value: bytes(n) }])))
      expect([...(await store.get('a'))!]).to.deep.equal([3])
    })

    it('lists a prefix in the order of UTF-8 bytes, from a key on', async () => {
      // By UTF-16 units some would change places.
      const LAST = `b/${'\u{10ffff}'.repeat(127)}`
      const keys = ['a', 'b', 'b/', 'b/1', 'b/10', 'b/2', 'b/é', 'b/\uffee', 'b/\u{1f600}', LAST, 'c']
      await store.commit(keys.toReversed().map((key) => ({ key, value: bytes(1) })))
      const listed = async (prefix: string, after?: string) =>
        (await entriesOf(store, prefix, after)).map(([key]) => key)
      expect(await listed('')).to.deep.equal(keys)
      expect(await listed('b/')).to.deep.equal(keys.slice(2, -1))
      expect(await listed('b/', 'b/10')).to.deep.equal(keys.slice(5, -1))
      expect(await listed('b/', 'b/11')).to.deep.equal(keys.slice(5, -1))
      expect(await listed('b/', 'a')).to.deep.equal(keys.slice(2, -1))
      expect(await listed('b/', 'c')).to.deep.equal([])
      expect(await listed('d')).to.deep.equal([])
    })

    it('keeps a key that begins with what could be a byte order mark', async () => {
      await store.commit([{ key: '\ufeffa', value: bytes(1) }])
      expect(await entriesOf(store)).to.deep.equal([['\ufeffa', [1]]])
    })

    it('lists more than one page, while the entries ahead change', async () => {
      const key = (n: number) => `k/${String(n).padStart(5, '0')}`
      await store.commit(Array.from({ length: 1500 }, (_, n) => ({ key: key(n), value: bytes(n % 256) })))
      const seen: string[] = []
      for await (const [at] of store.list('k/')) {
        seen.push(at)
        if (at === key(100)) await store.commit([{ key: key(1400), value: null }])
      }
      expect(seen.filter((at) => at !== key(1400))).to.deep.equal(
        Array.from({ length: 1500 }, (_, n) => key(n)).filter((at) => at !== key(1400)),
      )
    })

    it('refuses keys that adapters would keep differently, and keeps nothing of that commit', async () => {
      for (const key of ['', 'x'.repeat(513), 'é'.repeat(257), 'a\0b', 'a\ud800']) {
        const commit = store.commit([
          { key: 'good', value: bytes(1) },
          { key, value: bytes(1) },
        ])
        expect(await codeOf(commit)).to.equal('STORE_KEY')
      }
      expect(await entriesOf(store)).to.deep.equal([])
      await store.commit([{ key: 'é'.repeat(256), value: bytes(1) }])
      expect((await entriesOf(store)).length).to.equal(1)
    })

    it('answers like a sorted map, whatever is committed', async () => {
      const key = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }).filter((text) => !text.includes('\0'))
      const value = fc.option(fc.uint8Array({ maxLength: 40 }))
      const commits = fc.array(fc.array(fc.record({ key, value }), { maxLength: 5 }), { maxLength: 5 })
      const model = new Map<string, number[]>()
      await fc.assert(
        fc.asyncProperty(commits, key, async (all, prefix) => {
          await Promise.all(all.map((writes) => store.commit(writes)))
          for (const write of all.flat()) {
            if (write.value === null) model.delete(write.key)
            else model.set(write.key, [...write.value])
          }
          const sorted = [...model].sort(([a], [b]) => (hexOf(a) < hexOf(b) ? -1 : 1))
          expect(await entriesOf(store)).to.deep.equal(sorted)
          expect(await entriesOf(store, prefix)).to.deep.equal(sorted.filter(([at]) => at.startsWith(prefix)))
        }),
        { numRuns: 25, seed: 1 },
      )
    })

    it('refuses everything once it is closed; closing twice does no harm', async () => {
      await store.close()
      await store.close()
      expect(await codeOf(store.commit([{ key: 'a', value: bytes(1) }]))).to.equal('STORE_CLOSED')
      expect(await codeOf(store.get('a'))).to.equal('STORE_CLOSED')
      expect(await codeOf(entriesOf(store))).to.equal('STORE_CLOSED')
    })
  })
}
