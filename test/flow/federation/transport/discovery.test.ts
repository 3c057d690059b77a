import { expect, it } from 'vitest'
import { OTHER_CERTIFICATE, OTHER_KEY } from '../../../support/certificate.ts'
import { Network, PATH } from './network.ts'
import { TlsSite } from './tls-site.ts'

it('an address with a port is asked as it is, without SNI, with a certificate for the address', async () => {
  await using network = await Network.start()
  await using site = await TlsSite.start({ host: '127.0.0.1', port: 0 })
  const server = `127.0.0.1:${site.port}`
  expect(await network.ask(server)).toEqual({ url: PATH, host: server })
  expect(network.dns.asked).toEqual([])
})

it('an address without a port is asked at 8448, and its certificate must be for it', async () => {
  await using network = await Network.start()
  await using site = await TlsSite.start()
  expect(site.port).toBe(8448)
  // The certificate is for 127.0.0.1 alone.
  await expect(network.ask(site.host)).rejects.toMatchObject({
    parts: { kind: 'unreachable', reason: /certificate is for another host/ },
  })
  expect([site.connections, site.asked]).toEqual([1, []])
})

it('a name with a port is resolved, and nothing else is asked', async () => {
  await using network = await Network.start()
  await using site = await TlsSite.start()
  network.name('peer.example', site.host)
  const server = `peer.example:${site.port}`
  expect(await network.ask(server)).toEqual({ url: PATH, host: server, sni: 'peer.example' })
  expect([network.web.connections, network.dns.asked]).toEqual([0, ['peer.example']])
})

it('the host of a name may delegate to a host and port, whose certificate then counts', async () => {
  await using network = await Network.start()
  await using site = await TlsSite.start({ cert: OTHER_CERTIFICATE, key: OTHER_KEY, port: 0 })
  network.name('peer.example')
  network.name('other.example', site.host)
  const to = `other.example:${site.port}`
  network.web.delegate({ 'm.server': to })
  expect(await network.ask('peer.example')).toEqual({ url: PATH, host: to, sni: 'other.example' })
  expect(network.web.asked).toEqual([
    { url: '/.well-known/matrix/server', host: `peer.example:${network.web.port}`, sni: 'peer.example' },
  ])
})

it('it may delegate to an address', async () => {
  await using network = await Network.start()
  await using site = await TlsSite.start({ host: '127.0.0.1', port: 0 })
  network.name('peer.example')
  network.web.delegate({ 'm.server': site.address })
  expect(await network.ask('peer.example')).toEqual({ url: PATH, host: site.address })
})

it.each(['_matrix-fed._tcp', '_matrix._tcp'])(
  'a delegated name without port has its SRV record at %s',
  async (service) => {
    await using network = await Network.start()
    await using site = await TlsSite.start({ cert: OTHER_CERTIFICATE, key: OTHER_KEY, port: 0 })
    network.name('peer.example')
    network.name('target.example', site.host)
    network.web.delegate({ 'm.server': 'other.example' })
    network.dns.services.set(`${service}.other.example`, [{ port: site.port, target: 'target.example' }])
    // The certificate is for the name that was delegated to, not for the target of the record.
    expect(await network.ask('peer.example')).toEqual({ url: PATH, host: 'other.example', sni: 'other.example' })
  },
)

it('a delegated name without port and SRV record is asked at 8448', async () => {
  await using network = await Network.start()
  await using site = await TlsSite.start({ cert: OTHER_CERTIFICATE, key: OTHER_KEY })
  network.name('peer.example')
  network.name('other.example', site.host)
  network.web.delegate({ 'm.server': 'other.example' })
  expect(await network.ask('peer.example')).toEqual({ url: PATH, host: 'other.example', sni: 'other.example' })
})

it('without delegation the SRV record of the name counts, the new one before the old one, with a certificate for the name', async () => {
  await using network = await Network.start()
  await using site = await TlsSite.start({ port: 0 })
  network.name('peer.example')
  network.name('target.example', site.host)
  network.dns.services.set('_matrix._tcp.peer.example', [{ port: 1, target: 'target.example' }])
  network.dns.services.set('_matrix-fed._tcp.peer.example', [{ port: site.port, target: 'target.example' }])
  expect(await network.ask('peer.example')).toEqual({ url: PATH, host: 'peer.example', sni: 'peer.example' })
})

it('a target of an SRV record with a certificate for itself alone is refused', async () => {
  await using network = await Network.start()
  await using site = await TlsSite.start({ cert: OTHER_CERTIFICATE, key: OTHER_KEY, port: 0 })
  network.name('peer.example')
  network.name('other.example', site.host)
  network.dns.services.set('_matrix-fed._tcp.peer.example', [{ port: site.port, target: 'other.example' }])
  await expect(network.ask('peer.example')).rejects.toMatchObject({
    parts: { kind: 'unreachable', reason: /another host/ },
  })
  expect(site.asked).toEqual([])
})

it('with neither delegation nor record the name is asked at 8448', async () => {
  await using network = await Network.start()
  await using site = await TlsSite.start()
  network.name('peer.example', site.host)
  expect(await network.ask('peer.example')).toEqual({ url: PATH, host: 'peer.example', sni: 'peer.example' })
})

it('targets of SRV records are tried in order until one is there', async () => {
  await using network = await Network.start()
  await using site = await TlsSite.start({ port: 0 })
  network.name('peer.example')
  network.name('target.example', site.host)
  network.dns.services.set('_matrix-fed._tcp.peer.example', [
    { priority: 20, port: site.port, target: 'target.example' },
    { priority: 10, port: 1, target: 'target.example' },
    { priority: 5, port: site.port, target: 'unknown.example' },
  ])
  expect(await network.ask('peer.example')).toMatchObject({ host: 'peer.example' })
})

it('among records of one priority chance decides, as the weights say', async () => {
  await using network = await Network.start()
  await using heavy = await TlsSite.start({ port: 0 })
  await using light = await TlsSite.start({ port: 0 })
  for (let index = 0; index < 40; index++) {
    const name = `n${index}.servers.example`
    network.name(name)
    network.name('heavy.example', heavy.host)
    network.name('light.example', light.host)
    network.dns.services.set(`_matrix-fed._tcp.${name}`, [
      { weight: 10, port: light.port, target: 'light.example' },
      { weight: 90, port: heavy.port, target: 'heavy.example' },
    ])
    await network.ask(name)
  }
  expect(heavy.asked.length + light.asked.length).toBe(40)
  // Fewer than 20 of 40 at odds of nine to one happens once in ten million runs.
  expect(heavy.asked.length).toBeGreaterThan(20)
})

it('a record that leads to a single dot says that there is no server', async () => {
  await using network = await Network.start()
  network.name('peer.example')
  network.dns.services.set('_matrix-fed._tcp.peer.example', [{ port: 0, target: '' }])
  await expect(network.ask('peer.example')).rejects.toMatchObject({
    parts: { kind: 'unreachable', reason: /leads nowhere/ },
  })
})

it('names are looked up without regard to case', async () => {
  await using network = await Network.start()
  await using site = await TlsSite.start({ port: 0 })
  network.name('peer.example', site.host)
  await expect(network.ask(`Peer.Example:${site.port}`)).resolves.toMatchObject({ url: PATH })
})
