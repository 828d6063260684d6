/** A process that commits until it is killed: prints `n` once commit `n` is acknowledged. Arguments: file, first n. */
import { openSqlite } from '../../../sdk/storage/sqlite.ts'
import { identity } from './identity.ts'

const [path, first] = process.argv.slice(2)
const store = openSqlite(path!, { identity })
console.log('open')

for (let n = Number(first); ; n += 4) {
  const commits = [n, n + 1, n + 2, n + 3].map(async (at) => {
    const value = Buffer.alloc(500, at % 256)
    // Three keys that must change together, and one that stays.
    const writes = ['a', 'b', 'c'].map((key) => ({ key, value: Buffer.from(String(at)) }))
    await store.commit([...writes, { key: `log/${String(at).padStart(8, '0')}`, value }])
    process.stdout.write(`${at}\n`)
  })
  await Promise.all(commits)
}
