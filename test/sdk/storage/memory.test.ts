import { memoryStore } from '../../../sdk/storage/memory.ts'
import { storeConformance } from '../../conformance/store.ts'

storeConformance('Memory', async () => {
  const store = memoryStore()
  return { store, dispose: () => store.close() }
})
