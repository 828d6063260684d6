import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { secp256k1 } from '@noble/curves/secp256k1.js'

/** What the machine does at the moment, a second: the same program differs tenfold with whatever else runs. */
export interface Probe {
  readonly fdatasync: number
  readonly sign: number
  readonly verify: number
}

export function probe(): Probe {
  const folder = mkdtempSync(join(tmpdir(), 'tallystick-probe-'))
  const file = openSync(join(folder, 'probe'), 'w')
  const page = new Uint8Array(4_096)
  let at = 0
  try {
    const fdatasync = rate(() => {
      writeSync(file, page, 0, page.length, at)
      at += page.length
      fdatasyncSync(file)
    })
    const key = new Uint8Array(32).fill(7)
    const digest = new Uint8Array(32).fill(9)
    const signature = secp256k1.sign(digest, key, { prehash: false })
    const publicKey = secp256k1.getPublicKey(key)
    const sign = rate(() => secp256k1.sign(digest, key, { prehash: false }))
    const verify = rate(() => secp256k1.verify(signature, digest, publicKey, { prehash: false }))
    return { fdatasync, sign, verify }
  } finally {
    closeSync(file)
    rmSync(folder, { recursive: true })
  }
}

/** The mean of probes before and after a run, as a line. */
export function meanOf(probes: readonly Probe[]): Probe & { readonly line: string } {
  const mean = (of: keyof Probe) => probes.reduce((sum, probe) => sum + probe[of], 0) / probes.length
  const [fdatasync, sign, verify] = [mean('fdatasync'), mean('sign'), mean('verify')]
  const whole = (value: number) => value.toFixed(0)
  const line = `raw fdatasync ${whole(fdatasync)}/s, noble sign ${whole(sign)}/s, noble verify ${whole(verify)}/s`
  return { fdatasync, sign, verify, line }
}

function rate(task: () => void): number {
  for (let i = 0; i < 20; i++) task()
  const start = performance.now()
  let count = 0
  while (performance.now() < start + 400) {
    task()
    count++
  }
  return (1_000 * count) / (performance.now() - start)
}
