import type { Archive } from './archive.ts'
import type { Books } from './books.ts'
import { isRestless, seatOfPage } from './page.ts'

/** Makes the books as they were when the last built epoch was cut; the log goes on from there. */
export async function restoreBooks(books: Books, archive: Archive): Promise<void> {
  await archive.load((page, epoch) => {
    const isLast = epoch === archive.last.epoch.number
    books.restore(seatOfPage(page, epoch), isLast && isRestless(page), page.decided)
  })
  const { epoch, committed, posting } = archive.last
  books.open = epoch.number + 1n
  books.committed = committed
  books.posting = posting
}
