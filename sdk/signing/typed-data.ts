import { CLAIM_TYPE, type Claim, REVOKE_TYPE } from '../core/claim.ts'

import { DOMAIN_NAME, DOMAIN_VERSION, type TypedMessage } from '../core/eip712.ts'
import { INVOICE_TYPE, type Invoice } from '../core/invoice.ts'
import { STATE_TYPE } from '../core/state.ts'
import type { ChannelId, Domain, State, Withdrawal } from '../core/types.ts'
import { WITHDRAWAL_TYPE } from '../core/withdrawal.ts'

/** `{ Name: [{ type, name }] }` of a type string, so that wallets show the very text that is hashed. */
function typesOf(text: string): TypedMessage['types'] {
  const structs = [...text.matchAll(/(\w+)\(([^)]*)\)/g)]
  return Object.fromEntries(
    structs.map(([, struct, fields]) => [
      struct!,
      fields!.split(',').map((field) => {
        const [type, name] = field.split(' ')
        return { type: type!, name: name! }
      }),
    ]),
  )
}

function typed({ chainId, adjudicator }: Domain, type: string, message: object): TypedMessage {
  const types = typesOf(type)
  return {
    domain: { name: DOMAIN_NAME, version: DOMAIN_VERSION, chainId, verifyingContract: adjudicator },
    types,
    primaryType: Object.keys(types)[0]!,
    message: { ...message },
  }
}

/** A state as typed data; session keys sign its digest directly, this is for checks and inspection. */
export const stateMessage = (domain: Domain, state: State): TypedMessage => typed(domain, STATE_TYPE, state)

/** What an owner's wallet shows and signs to consent to a withdrawal. */
export const withdrawalMessage = (domain: Domain, withdrawal: Withdrawal): TypedMessage =>
  typed(domain, WITHDRAWAL_TYPE, withdrawal)

/** What an owner's wallet shows and signs to have a claim executed by anyone. */
export const claimMessage = (domain: Domain, claim: Claim): TypedMessage => typed(domain, CLAIM_TYPE, claim)

/** What an owner's wallet shows and signs to revoke its session key in a channel. */
export const revokeMessage = (domain: Domain, channelId: ChannelId): TypedMessage =>
  typed(domain, REVOKE_TYPE, { channelId })

/** What an owner's wallet shows and signs to ask for money. */
export const invoiceMessage = (domain: Domain, invoice: Invoice): TypedMessage => typed(domain, INVOICE_TYPE, invoice)
