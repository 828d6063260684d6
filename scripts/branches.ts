import { cpSync, globSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './tools.ts'

/**
 * Copies the contracts and their tests to a root of Foundry's own, each `require(condition, Error())` written as
 * `if (!(condition)) revert Error();`, and returns that root.
 *
 * Both mean the same to the compiler, but Foundry sees only the branches of the second: with the IR, which the contracts need,
 * it counts neither side of a `require` with a custom error as taken.
 */
export function copyForBranches(): string {
  const copy = join(root, '.cache', 'forge', 'root')
  rmSync(copy, { recursive: true, force: true })
  mkdirSync(copy, { recursive: true })
  for (const name of ['contracts', 'test/contracts', 'foundry.toml']) {
    cpSync(join(root, name), join(copy, name), { recursive: true })
  }
  for (const name of ['node_modules', 'scripts']) symlinkSync(join(root, name), join(copy, name))
  for (const file of globSync('contracts/**/*.sol', { cwd: copy })) {
    const path = join(copy, file)
    writeFileSync(path, withoutRequires(readFileSync(path, 'utf8')))
  }
  return copy
}

/** Keeps every line where it is, so that reports name the lines of the source. */
function withoutRequires(source: string): string {
  let result = ''
  let rest = source
  for (let found = /\brequire\(/.exec(rest); found !== null; found = /\brequire\(/.exec(rest)) {
    const [condition = '', error = '', end] = splitCall(rest, found.index + 'require'.length)
    const lines = rest.slice(found.index, end).split('\n').length - 1
    result += `${rest.slice(0, found.index)}if (!(${oneLine(condition)})) { revert ${oneLine(error)}; }${'\n'.repeat(lines)}`
    rest = rest.slice(end + 1)
  }
  return result + rest
}

/** The two arguments of the call whose bracket opens at `open`, and where it ends. */
function splitCall(source: string, open: number): [string, string, number] {
  let depth = 0
  let comma = open
  for (let i = open; i < source.length; i++) {
    const char = source[i] ?? ''
    if ('([{'.includes(char)) depth++
    if (')]}'.includes(char)) depth--
    if (char === ',' && depth === 1) comma = i
    if (depth === 0) return [source.slice(open + 1, comma), source.slice(comma + 1, i), i + 1]
  }
  throw new Error('A require is not closed.')
}

function oneLine(code: string): string {
  return code.replace(/\s+/g, ' ').trim()
}
