import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Runs a program as users do, in a process and a folder of its own. Its packages are replaced by what they are in this
 * repository, so that it runs without an installation.
 */
export async function runProgram(code: string, env: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), 'tallystick-program-'))
  try {
    const local = code
      .replaceAll(`'tallystick'`, `'${new URL('../sdk/index.ts', import.meta.url)}'`)
      .replaceAll(`'ethers'`, `'${import.meta.resolve('ethers')}'`)
    writeFileSync(join(folder, 'program.mjs'), local)
    return await runScript('program.mjs', { cwd: folder, env: { ...process.env, ...env } })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Runs a script to its end, and until nothing that it started can write any more. */
export async function runScript(
  path: string,
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
) {
  const child = spawn(process.execPath, [path], { timeout: 50_000, ...options })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk
    })
  const exit = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { exit, output }
}
