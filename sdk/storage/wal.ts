const HEADER = 32
const FRAME_HEADER = 24
/** Its last bit says in which byte order the checksums were added up. */
const MAGIC = 0x377f0682

/**
 * Whether SQLite's write-ahead log lost commits that had been acknowledged.
 *
 * SQLite replays the log up to the first frame that does not match its checksum and silently drops the rest: right for a commit
 * that a power failure tore, fatal after a flipped bit, since a node that forgot states may sign others in their place. The two
 * differ: each commit is synced before the next begins, so only the last can be torn. If the log goes on behind the commit that
 * holds the first bad frame, acknowledged frames are among those dropped.
 *
 * Format: https://www.sqlite.org/fileformat2.html#the_write_ahead_log
 */
export function hasLostCommits(log: Uint8Array): boolean {
  if (log.length < HEADER || log.every((byte) => byte === 0)) return false
  const view = new DataView(log.buffer, log.byteOffset, log.length)
  const littleEndian = view.getUint32(0) === MAGIC
  const sums: Sums = { first: 0, second: 0 }
  addUp(sums, view, 0, 24, littleEndian)
  // The header is synced before the first frame is written, and lies within one sector.
  if ((!littleEndian && view.getUint32(0) !== MAGIC + 1) || !matches(sums, view, 24)) return true

  const pageSize = view.getUint32(8)
  let intact = true
  let droppedCommit = false
  for (let at = HEADER; at + FRAME_HEADER + pageSize <= log.length; at += FRAME_HEADER + pageSize) {
    // Others are left over from an earlier log in the same file.
    const isOurs = view.getUint32(at + 8) === view.getUint32(16) && view.getUint32(at + 12) === view.getUint32(20)
    if (intact) {
      addUp(sums, view, at, 8, littleEndian)
      addUp(sums, view, at + FRAME_HEADER, pageSize, littleEndian)
      intact = isOurs && matches(sums, view, at + 16)
    }
    if (intact || !isOurs) continue
    if (droppedCommit) return true
    droppedCommit = view.getUint32(at + 4) !== 0
  }
  return false
}

interface Sums {
  first: number
  second: number
}

/** SQLite's running checksum over pairs of 32-bit words. */
function addUp(sums: Sums, view: DataView, offset: number, length: number, littleEndian: boolean): void {
  let { first, second } = sums
  for (let at = offset; at < offset + length; at += 8) {
    first = (first + view.getUint32(at, littleEndian) + second) >>> 0
    second = (second + view.getUint32(at + 4, littleEndian) + first) >>> 0
  }
  sums.first = first
  sums.second = second
}

const matches = (sums: Sums, view: DataView, at: number): boolean =>
  view.getUint32(at) === sums.first && view.getUint32(at + 4) === sums.second
