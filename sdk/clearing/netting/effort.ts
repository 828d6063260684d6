/** What may still be spent on a good choice. Counted, not timed, so that results repeat. */
export interface Effort {
  /** Obligations that flows go through while units are rounded off with care, and while single ones are forced. */
  rounded: number
  forced: number
  /** Units turned over in exchanges. */
  turned: number
}

/** Some seconds at most. */
export const EFFORT: Effort = { rounded: 3_000_000, forced: 2_000_000, turned: 50_000 }
