//! As much of AMQP 0-9-1 as it takes to declare a quorum queue and to have one message confirmed.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// Declares `queue` as a quorum queue, publishes one message to it and awaits the broker's confirmation.
pub(crate) fn publish_confirmed(port: u16, vhost: &str, queue: &str) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the broker answers");
    stream.set_read_timeout(Some(Duration::from_mins(1))).expect("a limit");
    let mut call = |channel: u16, request: &[u8], answer: (u16, u16)| {
        stream.write_all(request).expect("sent");
        assert_eq!(read_method(&mut stream), (channel, answer));
    };
    let start_ok = [&[0; 4], &short("PLAIN")[..], &long(b"\0guest\0guest"), &short("en_US")].concat();
    let tune_ok = [1_u16.to_be_bytes(), [0x00, 0x02], [0x00, 0x00], 0_u16.to_be_bytes()].concat();
    let open = [&short(vhost)[..], &[0, 0]].concat();
    let kind = [&short("x-queue-type")[..], b"S", &long(b"quorum")].concat();
    let durable = 0b10;
    let declare = [&[0, 0], &short(queue)[..], &[durable], &long(&kind)].concat();
    let route = [&[0, 0, 0], &short(queue)[..], &[0]].concat();
    let content = [&[0, 60, 0, 0][..], &9_u64.to_be_bytes(), &[0, 0]].concat();
    let message = [method(1, (60, 40), &route), frame(2, 1, &content), frame(3, 1, b"one order")].concat();

    call(0, b"AMQP\x00\x00\x09\x01", (10, 10));
    call(0, &method(0, (10, 11), &start_ok), (10, 30));
    call(0, &[method(0, (10, 31), &tune_ok), method(0, (10, 40), &open)].concat(), (10, 41));
    call(1, &method(1, (20, 10), &[0]), (20, 11));
    call(1, &method(1, (50, 10), &declare), (50, 11));
    call(1, &method(1, (85, 10), &[0]), (85, 11));
    call(1, &message, (60, 80));
}

fn frame(kind: u8, channel: u16, body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(body.len()).expect("short").to_be_bytes();
    [&[kind][..], &channel.to_be_bytes(), &size, body, &[0xCE]].concat()
}

fn method(channel: u16, (class, method): (u16, u16), arguments: &[u8]) -> Vec<u8> {
    frame(1, channel, &[&class.to_be_bytes(), &method.to_be_bytes(), arguments].concat())
}

fn short(text: &str) -> Vec<u8> {
    [&[u8::try_from(text.len()).expect("short")], text.as_bytes()].concat()
}

fn long(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).expect("short").to_be_bytes(), bytes].concat()
}

/// Reads one method: its channel, its class and its number.
fn read_method(stream: &mut TcpStream) -> (u16, (u16, u16)) {
    let mut head = [0; 7];
    stream.read_exact(&mut head).expect("an answer");
    let [kind, c0, c1, s0, s1, s2, s3] = head;
    assert_eq!(kind, 1, "a method");
    let size = usize::try_from(u32::from_be_bytes([s0, s1, s2, s3])).expect("small");
    let mut body = vec![0; size + 1];
    stream.read_exact(&mut body).expect("the whole answer");
    let number = |at: usize| u16::from_be_bytes([body[at], body[at + 1]]);
    (u16::from_be_bytes([c0, c1]), (number(0), number(2)))
}
