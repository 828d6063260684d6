import { globSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { expect } from 'chai'

/**
 * Who may import whom. A name is a folder ("core"), a file of one ("storage/store.ts") or a package;
 * a package ending in "/" or ":" stands for all below it. Every folder may import itself.
 */
type Rules = Readonly<Record<string, readonly string[]>>

const SDK: Rules = {
  core: ['ox/', '@noble/'],
  protocols: ['core'],
  signing: ['core', 'ox/', '@noble/', 'ethers'],
  storage: ['core', 'node:'],
  // The handshake is signed by the session key.
  transport: ['core', 'signing', '@noble/', 'ws', 'node:'],
  // What the chain port has sent is kept through the port of the store, never through one of its adapters.
  chain: ['core', 'clearing', 'storage/store.ts', 'ethers', 'zod', 'node:'],
  // A node opens its layer of an onion with a key that signing keeps.
  routing: ['core', 'signing', '@noble/'],
  // Rules of apps: the embedded EVM recovers signers as the chain's does.
  apps: ['core', 'signing', 'ox/', '@noble/'],
  // A table of real players is composed as a node is.
  testing: [
    'core',
    'protocols',
    'signing',
    'storage',
    'transport',
    'chain',
    'apps',
    'node',
    'fast-check',
    '@noble/',
    'ethers',
    'node:',
  ],
  // The netting engine knows nothing of the house around it.
  'clearing/netting': ['core'],
  clearing: ['core', 'ox/'],
  watchtower: ['core', 'protocols', 'signing', 'storage', 'transport', 'chain/chain.ts', '@noble/'],
  // A connector is a member here and a node there.
  connecting: ['core', 'chain', 'storage', 'node', 'house', '@noble/'],
  house: ['core', 'clearing', 'signing', 'storage', 'transport', 'chain', '@noble/'],
  node: [
    'core',
    'protocols',
    'signing',
    'storage',
    'transport',
    'chain',
    'routing',
    // The rules of what it plays.
    'apps',
    'clearing/netting',
    'watchtower',
    '@noble/',
    'ox/',
    'ethers',
    'pino',
    'zod',
    'node:',
  ],
  cli: [
    'core',
    // Members of a house are known by a hash.
    'clearing',
    'node',
    'house',
    'watchtower',
    'index.ts',
    'chain',
    'signing',
    'storage',
    'transport',
    'commander',
    'ethers',
    'pino',
    'prom-client',
    'zod',
    'node:',
  ],
  hardhat: [
    'core',
    'clearing',
    'house',
    'node',
    'index.ts',
    'chain',
    'signing',
    'storage',
    'transport',
    'hardhat',
    'hardhat/',
    '@nomicfoundation/',
    'ethers',
    'node:',
  ],
  'index.ts': [
    'core',
    'apps',
    'protocols',
    'signing',
    'storage',
    'transport',
    'chain',
    'watchtower',
    'node',
    'clearing/netting',
    // What members of a house hold and are told.
    'clearing',
    'house',
    'connecting',
  ],
}

const CONTRACTS: Rules = {
  // A list of transfers asks the registry for its outcomes; that interface imports nothing.
  types: ['interfaces/IOutcomeRegistry.sol', '@openzeppelin/contracts/utils/'],
  interfaces: ['types', '@openzeppelin/contracts/token/'],
  libraries: ['types', 'interfaces', '@openzeppelin/'],
  conditions: ['types', 'interfaces', '@openzeppelin/contracts/utils/'],
  apps: ['types', 'interfaces'],
  demo: ['interfaces', '@openzeppelin/'],
  'entry points': ['types', 'interfaces', 'libraries', '@openzeppelin/'],
}

type Sources = ReadonlyMap<string, string>

describe('the directions of imports', () => {
  it('let nothing in sdk/ import upward', () => {
    expect(violations(sources('sdk', 'ts'), SDK)).to.deep.equal([])
  })

  it('let nothing in contracts/ import upward', () => {
    expect(violations(sources('contracts', 'sol'), CONTRACTS)).to.deep.equal([])
  })

  it('form no circle of files at run time', () => {
    expect(circles(sources('sdk', 'ts'))).to.deep.equal([])
    expect(circles(sources('contracts', 'sol'))).to.deep.equal([])
  })

  it('form no circle outside the node, even of types: no port imports its adapters', () => {
    const outside = [...sources('sdk', 'ts')].filter(([file]) => !file.startsWith('node/'))
    expect(circles(new Map(outside), imports)).to.deep.equal([])
  })

  it('keep clocks, chance, waiting and the process out of core, protocols and routing', () => {
    const impure =
      /\b(async|Promise|Date|Math\.random|setTimeout|setInterval|performance|process|crypto|fetch|console)\b/
    const found = [...sources('sdk', 'ts')]
      .filter(([file]) => /^(core|protocols|routing|clearing)\//.test(file))
      .flatMap(([file, code]) => (impure.exec(code) === null ? [] : [`${file}: ${impure.exec(code)?.[0]}`]))
    expect(found).to.deep.equal([])
  })

  it('are found in every form that the languages know', () => {
    const code = `
      import { a } from './a.ts'
      import type { B } from './b.ts'
      export * from './c.ts'
      import './d.ts'
      const e = await import('./e.ts')
      const f = getBuiltinModule('node:fs')
      import {G} from "./G.sol";
      // import { h } from './h.ts'`
    expect(imports(withoutComments(code))).to.deep.equal([
      './a.ts',
      './b.ts',
      './c.ts',
      './d.ts',
      './e.ts',
      'node:fs',
      './G.sol',
    ])
  })

  it('are reported where they break a rule', () => {
    const broken = new Map([
      ['core/a.ts', "import { b } from '../protocols/b.ts'"],
      ['protocols/b.ts', "import { a } from '../core/a.ts'\nimport { readFileSync } from 'node:fs'"],
      ['elsewhere/c.ts', ''],
    ])
    expect(violations(broken, SDK)).to.deep.equal([
      'core/a.ts imports protocols/b.ts',
      'protocols/b.ts imports node:fs',
      'elsewhere/c.ts stands in a folder without a rule',
    ])
    expect(circles(broken)).to.deep.equal(['core/a.ts -> protocols/b.ts -> core/a.ts'])
    const typed = new Map([...broken, ['core/a.ts', "import type { B } from '../protocols/b.ts'"]])
    expect(circles(typed)).to.deep.equal([])
    expect(circles(typed, imports)).to.deep.equal(circles(broken))
  })
})

/** The code of every file below a folder, without comments, by its path from that folder. */
function sources(folder: string, extension: string): Sources {
  const files = globSync(`${folder}/**/*.${extension}`).sort()
  expect(files, `files of ${folder}/`).to.not.be.empty
  return new Map(files.map((file) => [posix.relative(folder, file), withoutComments(readFileSync(file, 'utf8'))]))
}

function withoutComments(code: string): string {
  return code.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:'"`])\/\/.*$/gm, '$1')
}

function imports(code: string): string[] {
  const forms = /\b(?:from|import)\s*\(?\s*['"]([^'"]+)['"]|['"](node:[^'"]+)['"]/g
  return [...code.matchAll(forms)].map((match) => match[1] ?? match[2] ?? '')
}

/** What a file imports: other files by their path from the folder, packages by their name. */
function targets(file: string, code: string, read = imports): string[] {
  return read(code).map((name) => (name.startsWith('.') ? posix.join(posix.dirname(file), name) : name))
}

function violations(files: Sources, rules: Rules): string[] {
  return [...files].flatMap(([file, code]) => {
    const room = roomOf(file)
    const allowed = rules[room]
    if (allowed === undefined) return [`${file} stands in a folder without a rule`]
    return targets(file, code)
      .filter((target) => roomOf(target) !== room && !allowed.some((rule) => covers(rule, target)))
      .map((target) => `${file} imports ${target}`)
  })
}

/** The folder of a file; a Solidity file beside the folders is an entry point. */
function roomOf(file: string): string {
  if (file.startsWith('clearing/netting/')) return 'clearing/netting'
  if (file.includes('/')) return file.slice(0, file.indexOf('/'))
  return file.endsWith('.sol') ? 'entry points' : file
}

function covers(rule: string, target: string): boolean {
  return target === rule || target.startsWith(/[/:]$/.test(rule) ? rule : `${rule}/`)
}

/** Imports of types are gone at run time. */
function importsAtRunTime(code: string): string[] {
  return imports(code.replace(/\b(import|export) type [^;'"]*['"][^'"]*['"]/g, ''))
}

/** The first circle found from each file on, as "a -> b -> a". */
function circles(files: Sources, read = importsAtRunTime): string[] {
  const done = new Set<string>()
  const found: string[] = []
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) found.push([...path.slice(path.indexOf(file)), file].join(' -> '))
    const code = files.get(file)
    if (code === undefined || done.has(file)) return
    done.add(file)
    for (const target of targets(file, code, read)) visit(target, [...path, file])
  }
  for (const file of files.keys()) visit(file, [])
  return found
}
