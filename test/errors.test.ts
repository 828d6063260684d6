import { globSync, readFileSync } from 'node:fs'
import { expect } from 'chai'
import { contractErrors, peerCodes, sdkCodes } from '../scripts/errors.ts'

const page = readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8')
const [sdk, contracts] = page.split('## Custom errors of the contracts') as [string, string]

function expectSame(explained: readonly string[], declared: readonly string[]): void {
  expect({
    missing: declared.filter((one) => !explained.includes(one)),
    unknown: explained.filter((one) => !declared.includes(one)),
  }).to.deep.equal({ missing: [], unknown: [] })
}

describe('docs/errors.md', () => {
  it('explains every code of the SDK with its class, and no other', () => {
    const explained = [...sdk.matchAll(/^\| `(\w+)` \| `(\w+)` \| [^|]+ \| [^|]+ \|$/gm)]
    expectSame(
      explained.map(([, code, thrower]) => `${code} ${thrower}`),
      sdkCodes().map(({ code, thrower }) => `${code} ${thrower}`),
    )
  })

  it('explains every custom error of the contracts as it is declared, and no other', () => {
    const explained = [...contracts.matchAll(/^\| `(\w+\(.*?\))` \| [^|]+ \| [^|]+ \|$/gm)]
    expectSame(
      explained.map(([, error]) => error!),
      contractErrors().map(({ name, parameters }) => `${name}(${parameters})`),
    )
  })

  it('explains every code with which a peer refuses', () => {
    for (const code of peerCodes()) expect(sdk).to.include(`\`${code}\` (`)
  })
})

describe('the codes of the SDK', () => {
  it('are read from every class of errors', () => {
    const source = globSync('sdk/**/*.ts').map((file) => readFileSync(file, 'utf8'))
    const classes = source.flatMap((text) => [...text.matchAll(/(?<!abstract )class (\w+) extends \w+Error\b/g)])
    expect(new Set(sdkCodes().map(({ thrower }) => thrower))).to.deep.equal(new Set(classes.map(([, name]) => name)))
  })

  it('belong to one class each', () => {
    const codes = sdkCodes().map(({ code }) => code)
    expect(codes.filter((code, index) => codes.indexOf(code) !== index)).to.deep.equal([])
  })
})
