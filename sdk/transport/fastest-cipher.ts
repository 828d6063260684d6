import type { Cipher } from './cipher.ts'
import { nobleCipher } from './cipher-noble.ts'
import { nodeCipher } from './cipher-node.ts'

/** node:crypto where there is one (OpenSSL, a hundred times faster), else noble. */
export const cipher: Cipher = nodeCipher() ?? nobleCipher
