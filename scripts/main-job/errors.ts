/** Something that may go wrong in the main job, in a sentence for whoever runs it; printed without a stack trace. */
export class JobError extends Error {
  override readonly name = 'JobError'
}
