import { ArgumentType } from 'hardhat/types/arguments'

/** Text that need not be given. */
export const TEXT = { type: ArgumentType.STRING_WITHOUT_DEFAULT, defaultValue: undefined } as const

/** Options that several tasks have. */
export const AS = { name: 'as', description: 'Who acts: a name of your choice, e.g. alice', ...TEXT } as const
export const ASSET = { name: 'asset', description: "A token's address; default: the chain's coin", ...TEXT } as const
export const AMOUNT = {
  name: 'amount',
  description: 'In whole units such as 0.5, or smallest ones such as 7wei',
  ...TEXT,
} as const
export const JSON_FLAG = { name: 'json', description: 'Prints JSON' } as const
