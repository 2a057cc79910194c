/** Takes whatever is sent, in a process of its own, whose work is not that of who sends. Says its port. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const server = createServer((incoming, outgoing) => {
  incoming.resume()
  incoming.once('end', () => outgoing.writeHead(200).end('{}'))
})
server.listen(0, '127.0.0.1', () => {
  process.send?.((server.address() as AddressInfo).port)
})
process.once('disconnect', () => process.exit())
