import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { readLimits } from '../../../sdk/cli/limits-file.ts'

describe('a file of limits', () => {
  const folder = mkdtempSync(join(tmpdir(), 'limits-'))
  const path = join(folder, 'limits.json')
  const read = (text: string) => {
    writeFileSync(path, text)
    return readLimits(path)
  }
  after(() => rmSync(folder, { recursive: true }))

  it('says what each member is insured for, and what single ones are', () => {
    const id = `0x${'ab'.repeat(32)}` as const
    const { each, members } = read(`{"each":["1000","0"],"members":{"${id}":["5","6"]}}`)
    expect(each).to.deep.equal([1_000n, 0n])
    expect(members!.get(id)).to.deep.equal([5n, 6n])
    expect(read('{}')).to.deep.equal({})
  })

  it('is refused if it is anything else', () => {
    for (const text of ['', '[]', '{"each":[1]}', '{"each":["-1"]}', '{"all":["1"]}', '{"members":{"bob":["1"]}}'])
      expect(() => read(text), text)
        .to.throw()
        .with.property('code', 'USAGE')
  })
})
