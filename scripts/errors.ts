/**
 * Every stable code of the SDK and every custom error of the contracts, read from the source:
 * `node scripts/errors.ts` prints them, `test/errors.test.ts` holds docs/errors.md against them.
 */
import { globSync, readFileSync } from 'node:fs'

/** A stable code and the class that carries it. */
export interface SdkCode {
  readonly code: string
  readonly thrower: string
  readonly file: string
}

/** A custom error as Solidity declares it. */
export interface ContractError {
  readonly name: string
  readonly parameters: string
  readonly file: string
}

const root = new URL('..', import.meta.url)
const read = (file: string): string => readFileSync(new URL(file, root), 'utf8')
const literals = (type: string): string[] => [...type.matchAll(/'([A-Z][A-Z0-9_]*)'/g)].map(([, code]) => code!)

/** The codes of all error classes under `sdk/`. Throws if the code of a class cannot be read. */
export function sdkCodes(): SdkCode[] {
  const sources = globSync('sdk/**/*.ts', { cwd: root }).sort()
  const text = sources.map(read).join('\n')
  return sources.flatMap((file) =>
    [...read(file).matchAll(/^(?:export )?class (\w+) extends \w+Error \{(.*?)^\}/gms)].flatMap(([, thrower, body]) =>
      codesOf(body!, text, thrower!).map((code) => ({ code, thrower: thrower!, file })),
    ),
  )
}

/** `readonly code = 'A'`, `readonly code: 'A' | 'B'`, or `readonly code: SomeType` of such literals. */
function codesOf(body: string, text: string, thrower: string): string[] {
  const [, declared] = /^ +readonly code(?::| =) ?([^\n]*)/m.exec(body) ?? []
  const inline = literals(declared ?? '')
  if (inline.length > 0) return inline
  const [, alias] = new RegExp(`^(?:export )?type ${declared} =(.*?)\n\n`, 'ms').exec(text) ?? []
  const found = literals(alias ?? '')
  if (found.length === 0) throw new Error(`The code of ${thrower} cannot be read. Declare it as a literal or a union.`)
  return found
}

/** The codes with which a node refuses what a peer asks for: `peerCode` of a `PEER_REFUSED`. */
export function peerCodes(): string[] {
  const refusals = read('sdk/protocols/opening.ts').matchAll(/refuse\('([A-Z_]+)'/g)
  const waiting = read('sdk/node/news.ts').matchAll(/new PeerRefusedError\('([A-Z_]+)'/g)
  return [...refusals, ...waiting].map(([, code]) => code!)
}

/** The custom errors that the contracts declare. */
export function contractErrors(): ContractError[] {
  return globSync('contracts/**/*.sol', { cwd: root })
    .sort()
    .flatMap((file) =>
      [...read(file).matchAll(/^ +error (\w+)\((.*?)\);/gm)].map(([, name, parameters]) => ({
        name: name!,
        parameters: parameters!,
        file,
      })),
    )
}

if (import.meta.main) {
  for (const { code, thrower, file } of sdkCodes()) console.log(`${code}\t${thrower}\t${file}`)
  for (const { name, parameters, file } of contractErrors()) console.log(`${name}(${parameters})\t${file}`)
}
