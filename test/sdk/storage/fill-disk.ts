/** A process that commits until the disk refuses, and prints how that looked. Argument: file. */
import { StoreError } from '../../../sdk/storage/errors.ts'
import { openSqlite } from '../../../sdk/storage/sqlite.ts'
import { identity } from './identity.ts'

const store = openSqlite(process.argv[2]!, { identity })
let acknowledged = 0

async function attempt(key: string, size = 100_000): Promise<StoreError | undefined> {
  try {
    await store.commit([{ key, value: new Uint8Array(size).fill(acknowledged) }])
    acknowledged++
    return undefined
  } catch (error) {
    if (error instanceof StoreError) return error
    throw error
  }
}

let first: StoreError | undefined
while (!first) first = await attempt(`entry/${String(acknowledged).padStart(4, '0')}`)
// There would be room for this one.
const second = await attempt('later', 1)
await store.close()
console.log(JSON.stringify({ acknowledged, first: first.code, second: second?.code, message: first.message }))
