import type { Message } from '../../../sdk/protocols/messages.ts'
import { decodeMessage, encodeMessage } from '../../../sdk/protocols/wire.ts'
import { memoryTransport } from '../../../sdk/transport/memory.ts'
import type { Connection } from '../../../sdk/transport/transport.ts'
import { ownerOf, signerOf, type World } from './actors.ts'

/** Mallory speaks to a node as she likes. */
export class Mallory {
  readonly heard: Message[] = []
  readonly connection: Connection
  closed = false

  constructor(connection: Connection) {
    this.connection = connection
    connection.onFrame = (frame) => this.heard.push(decodeMessage(frame))
    connection.onClose = () => {
      this.closed = true
    }
  }

  static async dial(world: World, to: string): Promise<Mallory> {
    const transport = memoryTransport({ signer: signerOf('mallory'), network: world.network })
    return new Mallory(await transport.dial(`memory:${to}`))
  }

  send(...messages: Message[]): this {
    for (const message of messages) this.connection.send(encodeMessage(message))
    return this
  }

  greet(world: World): this {
    return this.send({ kind: 'hello', protocol: 1, domain: world.chain.domain, owner: ownerOf('mallory') })
  }

  of<K extends Message['kind']>(kind: K): Extract<Message, { kind: K }>[] {
    return this.heard.filter((message) => message.kind === kind) as Extract<Message, { kind: K }>[]
  }
}
