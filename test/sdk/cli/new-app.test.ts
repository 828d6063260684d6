import { execFile } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { UsageError } from '../../../sdk/cli/files.ts'
import { newApp } from '../../../sdk/cli/new-app.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const read = (path: string) => JSON.parse(readFileSync(path, 'utf8'))

interface Run {
  readonly code: number
  readonly output: string
}

describe('tallystick new-app', function () {
  this.timeout(180_000)
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tallystick-new-app-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  /** Runs a program of Node in the folder. */
  function run(...args: readonly string[]): Promise<Run> {
    return new Promise((resolve) => {
      const child = execFile(process.execPath, ['--no-warnings', ...args], { cwd: folder }, (_, output, errors) =>
        resolve({ code: child.exitCode ?? -1, output: output + errors }),
      )
    })
  }
  const cli = (...args: readonly string[]) => run(join(root, 'sdk/cli/main.ts'), 'new-app', ...args)
  const tool = (path: string) => join(root, 'node_modules', path)

  /** What `npm install` would do, with this checkout in the place of the published package. */
  function install(): void {
    const { dependencies, devDependencies } = read(join(folder, 'package.json'))
    const link = (from: string, to: string) => {
      mkdirSync(dirname(join(folder, 'node_modules', to)), { recursive: true })
      symlinkSync(from, join(folder, 'node_modules', to), 'junction')
    }
    const { tallystick, ...others } = dependencies
    for (const name of Object.keys({ ...others, ...devDependencies })) link(tool(name), name)
    for (const part of ['sdk', 'contracts']) link(join(root, part), join('tallystick', part))
    const exports = { '.': './sdk/index.ts', './testing': './sdk/testing/index.ts', './contracts/*': './contracts/*' }
    const manifest = { name: 'tallystick', version: tallystick, type: 'module', exports }
    writeFileSync(join(folder, 'node_modules/tallystick/package.json'), JSON.stringify(manifest))
  }

  it('writes an app that compiles, and whose tests and game run', async () => {
    expect(await cli('four-wins', '.')).to.include({ code: 0 })
    expect(existsSync(join(folder, 'contracts/FourWins.sol'))).to.equal(true)
    install()
    const [tested, typed] = await Promise.all([
      run(tool('hardhat/dist/src/cli.js'), 'test'),
      run(tool('typescript/bin/tsc'), '--noEmit', '-p', '.'),
    ])
    expect(tested.output).to.match(/6 passing/)
    expect(tested.code).to.equal(0)
    expect(typed).to.deep.equal({ code: 0, output: '' })
    const played = await run(tool('hardhat/dist/src/cli.js'), 'run', '--no-compile', 'play.ts')
    expect(played.output).to.match(/alice wins\./)
    expect(played.code).to.equal(0)
  })

  it('overwrites nothing', async () => {
    writeFileSync(join(folder, 'mine'), '')
    const { code, output } = await cli('four-wins', '.')
    expect(code).to.equal(1)
    expect(output).to.match(/^error: The folder \. is not empty/)
    expect(readdirSync(folder)).to.deep.equal(['mine'])
  })

  it('refuses names that no contract can have', () => {
    const target = join(folder, 'app')
    for (const name of ['4wins', 'four wins', '../four', 'Four', 'a'.repeat(41)])
      expect(() => newApp(name, target, {})).to.throw(UsageError, 'is no name of an app')
    expect(() => newApp('state', target, {})).to.throw(UsageError, 'State means something else')
    expect(readdirSync(folder)).to.deep.equal([])
  })

  it('refuses a folder that is a file', () => {
    writeFileSync(join(folder, 'mine'), '')
    expect(() => newApp('four-wins', join(folder, 'mine'), {})).to.throw(UsageError, 'is no folder')
  })

  it('uses the versions of this package', () => {
    const own = read(join(root, 'package.json'))
    const { dependencies, devDependencies } = read(join(root, 'templates/app/package.json'))
    expect(dependencies).to.deep.equal({ tallystick: own.version })
    for (const [name, version] of Object.entries(devDependencies))
      expect(own.devDependencies[name], name).to.equal(version)
  })
})
