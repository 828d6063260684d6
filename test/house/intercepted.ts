import { framesOf, HouseFrames } from '../../sdk/house/frames.ts'
import type { HouseMessage } from '../../sdk/house/messages.ts'
import { decodeHouseMessage } from '../../sdk/house/wire.ts'
import type { Connection, Transport } from '../../sdk/transport/transport.ts'

/** What a dishonest operator makes of its own words. */
export function intercepted(
  connection: Connection,
  change: (said: HouseMessage) => HouseMessage[],
  onSend: (said: HouseMessage) => void = () => {},
): Connection {
  const frames = new HouseFrames(2 ** 24)
  return {
    peer: connection.peer,
    send: (frame) => {
      onSend(decodeHouseMessage(frame))
      return connection.send(frame)
    },
    drained: () => connection.drained(),
    pause: () => connection.pause(),
    resume: () => connection.resume(),
    close: () => connection.close(),
    set onFrame(take: (frame: Uint8Array) => void) {
      connection.onFrame = (frame) => {
        const said = frames.take(frame)
        for (const one of said ? change(said) : []) for (const part of framesOf(one)) take(part)
      }
    },
    set onClose(closed: (reason?: Error) => void) {
      connection.onClose = closed
    },
  }
}

function tampered(said: HouseMessage): HouseMessage {
  if (said.kind !== 'proven') return said
  const { leaf } = said.proof
  const lines = leaf.lines.map((line) => ({ ...line, credits: 0n }))
  return { ...said, proof: { ...said.proof, leaf: { ...leaf, lines } } }
}

/** Shows no leaf. */
export const withholding = (transport: Transport): Transport => ({
  ...transport,
  dial: async (...args) => intercepted(await transport.dial(...args), (said) => (said.kind === 'proven' ? [] : [said])),
})
/** Shows leaves that are not those committed. */
export const tampering = (transport: Transport): Transport => ({
  ...transport,
  dial: async (...args) => intercepted(await transport.dial(...args), (said) => [tampered(said)]),
})
/** An operator that is there and hears no tower ask for a leaf. */
export const deafToTowers =
  (isSo: () => boolean) =>
  (transport: Transport): Transport => ({
    ...transport,
    listen: (address, accept) =>
      transport.listen(address, (connection) =>
        accept(intercepted(connection, (said) => (said.kind === 'look' && isSo() ? [] : [said]))),
      ),
  })
