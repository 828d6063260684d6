import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { Raw } from '../../conformance/raw.ts'

export function rawOver(socket: Socket): Raw {
  socket.setNoDelay()
  const raw = new Raw({
    write: (bytes) => void socket.write(bytes),
    pause: () => void socket.pause(),
    destroy: () => void socket.destroy(),
  })
  socket.on('data', (chunk: Buffer) => raw.arrived(chunk))
  socket.on('error', () => {})
  socket.on('close', () => raw.ended())
  return raw
}

export async function dialTcp(port: number): Promise<Raw> {
  const socket = connect({ host: '127.0.0.1', port })
  await once(socket, 'connect')
  return rawOver(socket)
}

/** A bare TCP server on a free port of the loopback interface; closing it ends its connections. */
export async function listenTcp(
  accept: (socket: Socket) => void,
): Promise<{ port: number; close: () => Promise<void> }> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    accept(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = await listenTcp(() => {})
  await server.close()
  return server.port
}
