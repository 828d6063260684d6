import { type MemoryNetwork, memoryTransport } from '../../../sdk/transport/memory.ts'
import { tcpTransport } from '../../../sdk/transport/tcp.ts'
import { towerConformance } from '../../conformance/tower.ts'

towerConformance('memory', () => {
  const network: MemoryNetwork = new Map()
  return { transport: (signer) => memoryTransport({ signer, network }), address: 'memory:tower' }
})

towerConformance('TCP', () => ({ transport: (signer) => tcpTransport({ signer }), address: 'tcp://127.0.0.1:0' }))
