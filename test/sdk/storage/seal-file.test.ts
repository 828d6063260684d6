import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { sealFile } from '../../../sdk/storage/seal-file.ts'

describe('the seal of a store', () => {
  const folder = mkdtempSync(join(tmpdir(), 'seal-'))
  const path = join(folder, 'seal')
  after(() => rmSync(folder, { recursive: true }))

  it('remembers the last number over a restart, readable by its user alone', async () => {
    const first = sealFile(path)
    expect(await first.read()).to.equal(undefined)
    await first.write(7n)
    await first.write(0xabcdefn)
    await first.close()
    const second = sealFile(path)
    expect(await second.read()).to.equal(0xabcdefn)
    await second.close()
    expect(readFileSync(path, 'latin1')).to.equal('0000000000abcdef\n')
    expect(statSync(path).mode & 0o777).to.equal(0o600)
  })

  it('is not taken from a file that is none, nor from half of one', async () => {
    for (const text of ['words', '0000000000abcdef', '0000000000abcdeg\n']) {
      writeFileSync(path, text)
      const seal = sealFile(path)
      const code = await seal.read().catch(({ code }) => code)
      await seal.close()
      expect(code, text).to.equal('STORE_CORRUPT')
    }
  })

  it('says why where no file can be', async () => {
    const error = await sealFile(join(folder, 'nowhere', 'seal'))
      .read()
      .catch((reason) => reason)
    expect(error).to.include({ code: 'STORE_UNAVAILABLE' })
  })
})
