// The conformance suite of stores, run in a page: IndexedDB exists in browsers alone.

import 'mocha/mocha.js'
import { expect } from 'chai'
import { indexedDbStore } from '../../sdk/storage/indexed-db.ts'
import { bytes, codeOf, entriesOf, storeConformance } from '../conformance/store.ts'
import { identity } from '../sdk/storage/identity.ts'
import { runSuite } from './run-suite.ts'

mocha.setup({ ui: 'bdd', reporter: Mocha.reporters.Base, timeout: 30_000 })

let number = 0
const named = (): string => `store ${number++}`

storeConformance('IndexedDB', async () => {
  const store = await indexedDbStore(named(), { identity })
  return { store, dispose: () => store.close() }
})

const FAILURES: Record<string, (transaction: IDBTransaction) => void> = {
  'a transaction is given up': (transaction) => queueMicrotask(() => transaction.abort()),
  'a write cannot be made': () => {
    throw new Error('no')
  },
}

describe('IndexedDB store', () => {
  it('S4 refuses to open what is open already, and opens it once that is closed', async () => {
    const name = named()
    const store = await indexedDbStore(name, { identity })
    expect(await codeOf(indexedDbStore(name, { identity }))).to.equal('STORE_IN_USE')
    await store.close()
    await (await indexedDbStore(name, { identity })).close()
  })

  it('keeps what was committed before it was closed, and is opened by whom it belongs to alone', async () => {
    const name = named()
    const store = await indexedDbStore(name, { identity })
    const commits = [1, 2].map((n) => store.commit([{ key: `k${n}`, value: bytes(n) }]))
    await store.close()
    await Promise.all(commits)
    for (const other of [{ chainId: 2n }, { adjudicator: identity.signer }, { signer: identity.adjudicator }])
      expect(await codeOf(indexedDbStore(name, { identity: { ...identity, ...other } }))).to.equal('STORE_IDENTITY')
    const again = await indexedDbStore(name, { identity })
    expect(await entriesOf(again)).to.deep.equal([
      ['k1', [1]],
      ['k2', [2]],
    ])
    await again.close()
  })

  it('refuses databases of others and of newer versions', async () => {
    const [foreign, newer] = [named(), named()]
    await made(foreign, 1)
    await made(newer, 2)
    expect(await codeOf(indexedDbStore(foreign, { identity }))).to.equal('STORE_FOREIGN')
    expect(await codeOf(indexedDbStore(newer, { identity }))).to.equal('STORE_NEWER')
  })

  for (const [name, failure] of Object.entries(FAILURES))
    it(`writes nothing more once ${name}, and keeps none of that commit`, async () => {
      const store = await indexedDbStore(named(), { identity })
      await store.commit([{ key: 'a', value: bytes(1) }])
      const put = IDBObjectStore.prototype.put
      IDBObjectStore.prototype.put = function (value, key) {
        if ((value as Uint8Array)[0] === 9) failure(this.transaction)
        return put.call(this, value, key)
      }
      const writes = [2, 9].map((n) => ({ key: `b${n}`, value: bytes(n) }))
      expect(await codeOf(store.commit(writes))).to.equal('STORE_FROZEN')
      IDBObjectStore.prototype.put = put
      expect(await codeOf(store.commit([{ key: 'c', value: bytes(1) }]))).to.equal('STORE_FROZEN')
      expect(await entriesOf(store)).to.deep.equal([['a', [1]]])
      await store.close()
    })
})

function made(name: string, version: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, version)
    request.onerror = () => reject(request.error)
    request.onsuccess = () => {
      request.result.close()
      resolve()
    }
  })
}

/** Commits entries until the page is gone, and says after each that it was acknowledged. */
async function commitOn(): Promise<void> {
  const store = await indexedDbStore('log', { identity })
  for (let n = 0; ; n++) {
    const value = new Uint8Array(500).fill(n)
    await store.commit([
      { key: `log/${String(n).padStart(8, '0')}`, value },
      { key: 'last', value: bytes(n % 256) },
    ])
    window.acknowledged(n)
  }
}

async function readLog(): Promise<[string, number[]][]> {
  const store = await indexedDbStore('log', { identity })
  const entries = await entriesOf(store)
  await store.close()
  return entries
}

const storePage = { runSuite, commitOn, readLog }
Object.assign(window, { storePage, loaded: true })
