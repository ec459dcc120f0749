//! How long does it take to read and to write one packet? (Budget: tens of nanoseconds, no allocation.)

use divan::{Bencher, black_box, counter::ItemsCount};
use emqx_rs::mqtt::{
    self, AckType, Packet, PacketId, Property, PublishHead, PublishParts, QoS, ReasonCode, Version,
    encode, frame,
};

const TOPIC: &str = "building/7/floor/3/temperature";
const PAYLOAD: [u8; 64] = [b'x'; 64];

fn properties() -> Vec<u8> {
    let mut out = Vec::new();
    Property::MessageExpiryInterval(60).encode(&mut out);
    Property::ContentType("application/json").encode(&mut out);
    Property::UserProperty("trace", "0123456789abcdef").encode(&mut out);
    out
}

fn head(qos: QoS) -> PublishHead {
    let packet_id = (qos != QoS::AtMostOnce).then_some(PacketId::FIRST);
    PublishHead { qos, packet_id, ..PublishHead::default() }
}

fn publish(version: Version, qos: QoS, properties: &[u8]) -> Vec<u8> {
    let parts = PublishParts { topic: TOPIC, properties, extra_properties: &[], payload: &PAYLOAD };
    let mut out = Vec::new();
    encode::publish(&mut out, version, head(qos), &parts);
    out
}

fn read(version: Version, bytes: &[u8]) -> Packet<'_> {
    let (header, body, _) = frame::split(bytes, 1 << 20).unwrap().unwrap();
    mqtt::decode(version, header, body).unwrap()
}

fn reads(bencher: Bencher<'_, '_>, version: Version, bytes: &[u8]) {
    bencher.counter(ItemsCount::new(1_u8)).bench(|| {
        read(version, black_box(bytes));
    });
}

#[divan::bench]
fn read_publish_v3_qos0(bencher: Bencher<'_, '_>) {
    reads(bencher, Version::V3_1_1, &publish(Version::V3_1_1, QoS::AtMostOnce, &[]));
}

#[divan::bench]
fn read_publish_v3_qos1(bencher: Bencher<'_, '_>) {
    reads(bencher, Version::V3_1_1, &publish(Version::V3_1_1, QoS::AtLeastOnce, &[]));
}

#[divan::bench]
fn read_publish_v5_qos1(bencher: Bencher<'_, '_>) {
    reads(bencher, Version::V5, &publish(Version::V5, QoS::AtLeastOnce, &[]));
}

#[divan::bench]
fn read_publish_v5_three_properties(bencher: Bencher<'_, '_>) {
    reads(bencher, Version::V5, &publish(Version::V5, QoS::AtLeastOnce, &properties()));
}

#[divan::bench]
fn read_puback_v5(bencher: Bencher<'_, '_>) {
    reads(bencher, Version::V5, &[0x40, 2, 0, 1]);
}

#[divan::bench]
fn read_puback_v5_reason(bencher: Bencher<'_, '_>) {
    reads(bencher, Version::V5, &[0x40, 3, 0, 1, 0x10]);
}

#[divan::bench]
fn read_subscribe_v5_one_filter(bencher: Bencher<'_, '_>) {
    reads(bencher, Version::V5, b"\x82\x0D\0\x01\0\0\x07a/b/+/#\x01");
}

#[divan::bench]
fn read_connect_v5(bencher: Bencher<'_, '_>) {
    reads(bencher, Version::V5, b"\x10\x16\0\x04MQTT\x05\x02\0\x3C\x03\x21\0\x20\0\x06client");
}

fn writes(bencher: Bencher<'_, '_>, version: Version, qos: QoS, properties: &[u8]) {
    let parts = PublishParts { topic: TOPIC, properties, extra_properties: &[], payload: &PAYLOAD };
    let mut out = Vec::with_capacity(4096);
    bencher.counter(ItemsCount::new(1_u8)).bench_local(|| {
        out.clear();
        encode::publish(black_box(&mut out), version, head(qos), black_box(&parts));
    });
}

#[divan::bench]
fn write_publish_v3_qos0(bencher: Bencher<'_, '_>) {
    writes(bencher, Version::V3_1_1, QoS::AtMostOnce, &[]);
}

#[divan::bench]
fn write_publish_v5_qos1_three_properties(bencher: Bencher<'_, '_>) {
    writes(bencher, Version::V5, QoS::AtLeastOnce, &properties());
}

#[divan::bench]
fn write_puback_v5(bencher: Bencher<'_, '_>) {
    let mut out = Vec::with_capacity(4096);
    bencher.counter(ItemsCount::new(1_u8)).bench_local(|| {
        out.clear();
        let id = black_box(PacketId::FIRST);
        encode::ack(black_box(&mut out), Version::V5, AckType::PubAck, id, ReasonCode::Success);
    });
}
