import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'chai'

const pages = globSync(['*.md', 'docs/**/*.md']).sort()
const read = (file: string): string => readFileSync(file, 'utf8')

describe('the documents', () => {
  it('link to files that exist', () => {
    const broken = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)]
        .filter(([, target]) => !existsSync(join(dirname(page), target!)))
        .map(([, target]) => `${page}: ${target}`),
    )
    expect(broken).to.deep.equal([])
  })

  it('name files that exist', () => {
    const named = /`((?:contracts|sdk|test|scripts|bench|docs|ignition)\/[\w./-]+\.(?:ts|sol|md|json))`/g
    const missing = pages.flatMap((page) =>
      [...read(page).matchAll(named)].filter(([, file]) => !existsSync(file!)).map(([, file]) => `${page}: ${file}`),
    )
    expect(missing).to.deep.equal([])
  })

  it('number the decisions without a gap, each with its four parts', () => {
    const decisions = globSync('docs/adr/*.md').sort()
    for (const [index, file] of decisions.entries()) {
      const number = `${index + 1}`.padStart(4, '0')
      expect(file).to.match(new RegExp(`/${number}-[a-z-]+\\.md$`))
      const headings = [...read(file).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading!)
      expect(headings[0]).to.match(new RegExp(`^${number} `))
      expect(headings.slice(1), file).to.deep.equal(['Context', 'Decision', 'Consequences', 'Alternatives'])
      expect(read(file)).to.match(/^Accepted, \d{4}-\d{2}-\d{2}\.$/m)
    }
  })

  it('mention every decision that is cited', () => {
    const cited = pages.flatMap((page) => [...read(page).matchAll(/ADR (\d{4})/g)].map(([, number]) => number!))
    expect(cited.filter((number) => globSync(`docs/adr/${number}-*.md`).length !== 1)).to.deep.equal([])
  })

  it('use the words of the glossary, as the code does', () => {
    const avoided = /\b(participant|counterparty|beneficiary|dispute period|HTLC|turn number|sub-channel)s?\b/i
    const files = globSync(['*.md', 'docs/**/*.md', '{contracts,sdk,scripts,bench,test}/**/*.{ts,sol,mjs}'])
    const found = files
      .filter((file) => !/glossary\.md$|docs\.test\.ts$/.test(file))
      .flatMap((file) => {
        const [word] = avoided.exec(read(file)) ?? []
        return word === undefined ? [] : [`${file}: ${word}`]
      })
    expect(found).to.deep.equal([])
  })

  it('name for each attack the tests whose titles carry its number', () => {
    const rows = [...read('docs/threat-model.md').matchAll(/^\| ([CS]\d+) \| [^|]+ \| ([^|]+) \|$/gm)]
    const missing = rows.flatMap(([, attack, cell]) =>
      [...cell!.matchAll(/`(test\/[^`]+)`/g)]
        .filter(([, file]) => !titled(attack!, file!))
        .map(([, file]) => `${attack}: ${file}`),
    )
    expect(rows.length).to.be.greaterThan(80)
    expect(missing).to.deep.equal([])
  })
})

/** Whether a title of this file, a name or a notice in Solidity, carries the number. */
const titled = (attack: string, file: string): boolean =>
  new RegExp(`^.*(?:it\\(|describe\\(|function |@notice |^\\s*['\`]).*(?:\\b|_)${attack}(?![0-9])`, 'm').test(
    read(file),
  )
