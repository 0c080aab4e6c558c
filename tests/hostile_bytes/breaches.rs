//! Breaches: frames that the protocol forbids.

use crate::frames::*;
use crate::target::Target;

#[tokio::test]
async fn whoever_breaks_the_protocol_is_cut_off() {
    let target = Target::start().await;
    let header = |kind: u8, flags: u8| [&[0xFF, 0xFF, 0xFF, kind, flags][..], &1_u32.to_be_bytes()].concat();
    let block = authorize();
    let breaches = [
        ("a window that grows by nothing", frame(WINDOW_UPDATE, 0, 0, &[0; 4])),
        ("a window that overflows", frame(WINDOW_UPDATE, 0, 0, &0x7FFF_FFFF_u32.to_be_bytes())),
        ("DATA of no stream", frame(DATA, 0, 0, b"data")),
        ("HEADERS of no stream", frame(HEADERS, END_HEADERS, 0, &block)),
        ("a stream of the server's", frame(HEADERS, END_HEADERS, 2, &block)),
        ("a promise of a client", frame(PUSH_PROMISE, END_HEADERS, 1, &[&[0, 0, 0, 2][..], &block].concat())),
        ("a reset of what never was", frame(RST_STREAM, 0, 99, &8_u32.to_be_bytes())),
        ("a CONTINUATION of nothing", frame(CONTINUATION, END_HEADERS, 1, &block)),
        ("a frame between HEADERS and CONTINUATION", {
            [frame(HEADERS, 0, 1, &block), frame(PING, 0, 0, &[0; 8])].concat()
        }),
        ("DATA of 16 MiB", header(DATA, 0)),
        ("HEADERS of 16 MiB", header(HEADERS, END_HEADERS)),
        ("SETTINGS of 16 MiB", header(SETTINGS, 0)),
        ("a PING of another length", frame(PING, 0, 0, &[0; 7])),
        ("SETTINGS of another length", frame(SETTINGS, 0, 0, &[0; 5])),
        ("SETTINGS that push", frame(SETTINGS, 0, 0, &[0, 2, 0, 0, 0, 9])),
        ("a window of more than there is", frame(SETTINGS, 0, 0, &[0, 4, 0xFF, 0xFF, 0xFF, 0xFF])),
        ("a header that is none", frame(HEADERS, END_HEADERS, 1, &[0xFF; 64])),
        ("a header of an index that is none", frame(HEADERS, END_HEADERS, 1, &[0xC0])),
    ];
    for (what, bytes) in breaches {
        let cut = async {
            let mut attacker = Attacker::at(target.address).await;
            attacker.send(&bytes).await;
            attacker.closed().await;
        };
        target.suffers(what, cut).await;
    }
    for (what, first) in [
        ("another preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\rX".to_vec()),
        ("no preface", vec![0; 4096]),
        ("a head without an end", [b"POST / HTTP/1.1\r\nhost: hub\r\nx: ".to_vec(), vec![b'a'; 8 << 20]].concat()),
        (
            "a thousand headers",
            b"POST / HTTP/1.1\r\nhost: hub\r\n"
                .iter()
                .copied()
                .chain((0..100_000).flat_map(|_| *b"a: b\r\n"))
                .collect(),
        ),
    ] {
        let cut = async { Attacker::saying(target.address, &first).await.closed().await };
        target.suffers(what, cut).await;
    }
}
