// Round trips of MQTT.js: 3.1, 3.1.1 and 5.0, each QoS, retained, properties. MQTT_USERNAME and MQTT_PASSWORD, or MQTT_CERT and
// MQTT_KEY, say who it is; with MQTT_SCRAM the password is not sent, but shown by SCRAM-SHA-256, twice.
const assert = require('node:assert')
const crypto = require('node:crypto')
const fs = require('node:fs')
const mqtt = require('mqtt')

// The transport is mqtt, mqtts, ws or wss; those with TLS believe the authority in a file.
const [host, port, top, protocol = 'mqtt', authority] = process.argv.slice(2)
const { MQTT_USERNAME: username, MQTT_PASSWORD: password, MQTT_CERT: cert, MQTT_KEY: key, MQTT_SCRAM: scram } = process.env
const transport = {
  protocol,
  path: '/mqtt',
  ca: authority && fs.readFileSync(authority),
  cert: cert && fs.readFileSync(cert),
  key: key && fs.readFileSync(key),
  ...(scram ? {} : { username, password })
}
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

// An exchange of SCRAM (RFC 7677): its first message, what answers the server, and what the server has to answer.
function exchange() {
  const mac = (by, text) => crypto.createHmac('sha256', by).update(text).digest()
  const bare = `n=${username},r=${crypto.randomBytes(12).toString('hex')}`
  let signature
  return {
    first: Buffer.from(`n,,${bare}`),
    last(server) {
      const [, nonce, salt, rounds] = server.match(/^r=([^,]+),s=([^,]+),i=(\d+)$/)
      const salted = crypto.pbkdf2Sync(password, Buffer.from(salt, 'base64'), Number(rounds), 32, 'sha256')
      const said = `${bare},${server},c=biws,r=${nonce}`
      const client = mac(salted, 'Client Key')
      const signed = mac(crypto.createHash('sha256').update(client).digest(), said)
      signature = mac(mac(salted, 'Server Key'), said).toString('base64')
      const proof = Buffer.from(client.map((byte, at) => byte ^ signed[at])).toString('base64')
      return Buffer.from(`c=biws,r=${nonce},p=${proof}`)
    },
    check: (server) => assert.strictEqual(server.toString(), `v=${signature}`)
  }
}

async function byScram() {
  const method = { authenticationMethod: 'SCRAM-SHA-256' }
  let running = exchange()
  const properties = { ...method, authenticationData: running.first }
  const options = { host, port: Number(port), reconnectPeriod: 0, ...transport, protocolVersion: 5, properties }
  const client = mqtt.connect({ ...options, manualConnect: true })
  let shown
  client.handleAuth = (packet, callback) => {
    const data = packet.properties.authenticationData
    if (packet.reasonCode === 0) {
      running.check(data)
      shown()
      return callback()
    }
    const properties = { ...method, authenticationData: running.last(data.toString()) }
    callback(null, { cmd: 'auth', reasonCode: 24, properties })
  }
  const connected = new Promise((resolve, reject) => client.once('connect', resolve).once('error', reject))
  client.connect()
  running.check((await connected).properties.authenticationData)
  await client.subscribeAsync(`${top}/scram`, { qos: 1 })
  for (const text of ['first', 'second']) {
    const arrived = message(client)
    await client.publishAsync(`${top}/scram`, text, { qos: 1 })
    assert.strictEqual((await arrived).payload.toString(), text)
    running = exchange()
    const again = new Promise((resolve) => { shown = resolve })
    client._sendPacket({ cmd: 'auth', reasonCode: 25, properties: { ...method, authenticationData: running.first } })
    await again
  }
  await client.endAsync()
}

async function main() {
  if (scram) {
    await byScram()
    console.log('ok')
    return
  }
  await roundTrips({ protocolId: 'MQIsdp', protocolVersion: 3 }, `${top}/3`)
  await roundTrips({ protocolVersion: 4 }, `${top}/4`)
  await roundTrips({ protocolVersion: 5 }, `${top}/5`)
  console.log('ok')
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
