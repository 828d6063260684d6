import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { type BrowserContext, chromium } from 'playwright-core'

/** A Chromium of its own, with a profile that outlives pages and is gone with it. */
export interface TestBrowser {
  readonly context: BrowserContext
  /** Ends it at once, as the system does with a process that uses too much memory, and starts it again on the same profile. */
  crash(): Promise<void>
  close(): Promise<void>
}

/** What is missing where there is no browser. */
export const NO_BROWSER =
  'The browser tests wait: no Chromium was found. Install Chromium or Chrome, or set CHROME_PATH to one, and run them again.'

const INSTALLED = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
]

/** Starts the Chromium of `CHROME_PATH`, the one from npm (Linux on x64), or an installed one; undefined where there is none. */
export async function startBrowser(): Promise<TestBrowser | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'tallystick-browser-'))
  const remove = () => {
    process.off('exit', remove)
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  // Ctrl-C ends the browser and then this process.
  process.once('exit', remove)
  try {
    const found = await findChromium(folder)
    if (!found) {
      remove()
      return undefined
    }
    const launch = () =>
      chromium.launchPersistentContext(join(folder, 'profile'), {
        executablePath: found.path,
        env: { ...(process.env as Record<string, string>), ...found.env },
        // Without a sandbox it runs as root and in containers; it opens pages of this repository alone.
        args: ['--no-sandbox', '--no-zygote', '--disable-gpu', '--disable-dev-shm-usage'],
      })
    let context = await launch()
    return {
      get context() {
        return context
      },
      async crash() {
        const session = await context.newCDPSession(context.pages()[0]!)
        const gone = context.waitForEvent('close')
        session.send('Browser.crash').catch(() => {})
        await gone
        context = await launch()
      },
      async close() {
        await context.close()
        remove()
      },
    }
  } catch (error) {
    remove()
    throw error
  }
}

interface Found {
  readonly path: string
  readonly env?: Record<string, string>
}

async function findChromium(folder: string): Promise<Found | undefined> {
  if (process.env.CHROME_PATH) return { path: process.env.CHROME_PATH }
  if (isBuiltForHere()) return unpack(folder)
  const path = INSTALLED.find((place) => existsSync(place))
  return path === undefined ? undefined : { path }
}

/** The package holds a program for Linux on x64 with glibc. */
function isBuiltForHere(): boolean {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } }
  return process.platform === 'linux' && process.arch === 'x64' && header.glibcVersionRuntime !== undefined
}

/** The package unpacks into the folder for temporary files, with the libraries that a small machine lacks if it takes it for a cloud's. */
async function unpack(folder: string): Promise<Found> {
  const program = `console.log(await (await import('@sparticuz/chromium')).default.executablePath())`
  const env = { ...process.env, TMPDIR: folder, CODEBUILD_BUILD_IMAGE: 'nodejs24' }
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], { env })
  const libraries = [join(folder, 'al2023', 'lib'), process.env.LD_LIBRARY_PATH].filter(Boolean).join(delimiter)
  return { path: stdout.trim(), env: { LD_LIBRARY_PATH: libraries } }
}
