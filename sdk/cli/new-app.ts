import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UsageError } from './files.ts'
import { printer } from './output.ts'

/** Options of `tallystick new-app`. */
export interface NewAppArgs {
  readonly json?: boolean
}

/** A game called Nim: it compiles and its tests pass as it stands, so that only its name has to be changed. */
const TEMPLATE = fileURLToPath(new URL('../../templates/app/', import.meta.url))
/** What the template's contract uses itself, or Solidity has already. */
const TAKEN = new Set(['IApp', 'State', 'Move', 'Error', 'Panic'])
const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/

/** Writes a new app: contract, twin, test, a program that plays it. Throws {@link UsageError}. */
export function newApp(name: string, folder: string | undefined, { json }: NewAppArgs): void {
  const contract = contractName(name)
  const target = folder ?? name
  assertFree(target)
  const rename = (text: string) => text.replace(/\bNim\b/g, contract).replace(/\bnim\b/g, name)
  const files = readdirSync(TEMPLATE, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(TEMPLATE.length))
    .sort()
  const written = files.map((file) => {
    // npm publishes no file called .gitignore.
    const path = join(target, file === 'gitignore' ? '.gitignore' : rename(file))
    write(path, rename(readFileSync(join(TEMPLATE, file), 'utf8')))
    return path
  })
  printer(json)(
    { event: 'written', folder: target, files: written },
    `${written.join('\n')}\n\nGo on: cd ${target} && npm install && npm test`,
  )
}

/** `four-wins` becomes `FourWins`. */
function contractName(name: string): string {
  if (!NAME.test(name) || name.length > 40)
    throw new UsageError(
      `"${name.slice(0, 40)}" is no name of an app. Use up to 40 lower-case letters, digits and hyphens, such as four-wins.`,
    )
  const contract = name.replace(/(?:^|-)(.)/g, (_, letter: string) => letter.toUpperCase())
  if (TAKEN.has(contract)) throw new UsageError(`${contract} means something else in an app. Choose another name.`)
  return contract
}

function assertFree(folder: string): void {
  try {
    if (!existsSync(folder) || readdirSync(folder).length === 0) return
  } catch (cause) {
    throw new UsageError(`${folder} is no folder that can be read. Choose another one.`, { cause })
  }
  throw new UsageError(`The folder ${folder} is not empty, and nothing is overwritten. Choose another one.`)
}

function write(path: string, text: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text, { flag: 'wx' })
  } catch (cause) {
    throw new UsageError(`The file ${path} cannot be written. Choose another folder, or look at its permissions.`, {
      cause,
    })
  }
}
