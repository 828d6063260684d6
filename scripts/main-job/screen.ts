import { Presets, SingleBar } from 'cli-progress'

/** Says what the job is doing: a line per step, a bar while payments are made. */
export interface Screen {
  say(text: string): void
  /** Draws the bar; the first call starts it. */
  draw(done: number, total: number): void
  /** Leaves the bar as it is and goes on below it. */
  close(): void
}

export function openScreen(began: number): Screen {
  let bar: SingleBar | undefined
  let closed = false
  const format = '           payments |{bar}| {value}/{total} · {percentage} % · {duration} s'
  return {
    say(text) {
      const seconds = ((performance.now() - began) / 1_000).toFixed(1).padStart(5)
      // A terminal's bar is drawn over and over in the lowest line.
      if (bar && process.stderr.isTTY) process.stderr.write('\r\x1b[K')
      console.log(`[${seconds} s] ${text}`)
    },
    draw(done, total) {
      // News may still come in from an actor that is being ended.
      if (closed) return
      if (!bar) {
        const options = { format, stream: process.stderr, noTTYOutput: true, notTTYSchedule: 2_000, hideCursor: true }
        bar = new SingleBar({ ...options, gracefulExit: false, etaBuffer: 100 }, Presets.shades_classic)
        bar.start(total, done)
      }
      bar.update(done)
    },
    close() {
      closed = true
      bar?.stop()
      bar = undefined
    },
  }
}
