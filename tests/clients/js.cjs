// Round trips of MQTT.js: 3.1, 3.1.1 and 5.0, each QoS, retained, properties.
const assert = require('node:assert')
const fs = require('node:fs')
const mqtt = require('mqtt')

// The transport is mqtt, mqtts, ws or wss; those with TLS believe the authority in a file.
const [host, port, top, protocol = 'mqtt', authority] = process.argv.slice(2)
const transport = { protocol, path: '/mqtt', ca: authority && fs.readFileSync(authority) }
const payloads = [Buffer.alloc(0), Buffer.from([...Array(256).keys()]), Buffer.alloc(100000, 'x'), Buffer.from('grüße')]

// The next message, with a limit.
function message(client) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('no message within 20 s')), 20000)
    client.once('message', (topic, payload, packet) => {
      clearTimeout(late)
      resolve({ topic, payload, packet })
    })
  })
}

async function roundTrips(options, base) {
  const client = await mqtt.connectAsync({ host, port: Number(port), reconnectPeriod: 0, ...transport, ...options })
  for (const qos of [0, 1, 2]) {
    const [granted] = await client.subscribeAsync(`${base}/${qos}/#`, { qos })
    assert.strictEqual(granted.qos, qos)
    for (const [number, payload] of payloads.entries()) {
      const arrived = message(client)
      await client.publishAsync(`${base}/${qos}/${number}`, payload, { qos })
      const seen = await arrived
      assert.strictEqual(seen.topic, `${base}/${qos}/${number}`)
      assert.strictEqual(seen.packet.qos, qos)
      assert.ok(seen.payload.equals(payload))
    }
  }
  await client.publishAsync(`${base}/kept`, 'kept', { qos: 1, retain: true })
  const kept = message(client)
  await client.subscribeAsync(`${base}/kept`, { qos: 1 })
  assert.ok((await kept).packet.retain)
  const cleared = message(client)
  await client.publishAsync(`${base}/kept`, '', { qos: 1, retain: true })
  assert.strictEqual((await cleared).payload.length, 0)
  if (options.protocolVersion === 5) await properties(client, `${base}/properties`)
  await client.endAsync()
}

async function properties(client, topic) {
  await client.subscribeAsync(topic, { qos: 1 })
  const arrived = message(client)
  const sent = { contentType: 'text/plain', userProperties: { a: ['1', '2'] }, correlationData: Buffer.from([0, 1]) }
  await client.publishAsync(topic, 'x', { qos: 1, properties: sent })
  const seen = (await arrived).packet.properties
  assert.deepStrictEqual({ ...seen.userProperties }, sent.userProperties)
  assert.strictEqual(seen.contentType, 'text/plain')
  assert.ok(seen.correlationData.equals(sent.correlationData))
}

async function main() {
  await roundTrips({ protocolId: 'MQIsdp', protocolVersion: 3 }, `${top}/3`)
  await roundTrips({ protocolVersion: 4 }, `${top}/4`)
  await roundTrips({ protocolVersion: 5 }, `${top}/5`)
  console.log('ok')
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
